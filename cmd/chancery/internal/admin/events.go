package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/event"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// Events are "chancery events …".
type Events struct {
	Tail eventsTail `cmd:"" help:"Print events as they are published, until interrupted."`
}

type eventsTail struct {
	flags
	FromStart   bool   `help:"Begin with the oldest event that the stream keeps."`
	Type        string `help:"Only of this type, or of types that begin with this word." placeholder:"TYPE"`
	NATS        string `help:"URL of the NATS server. Default: the one of the server that serves the data folder." name:"nats" placeholder:"URL"`
	Authority   string `help:"With --nats: file with the certificates to trust." name:"nats-authority" placeholder:"FILE"`
	Certificate string `help:"With --nats: file with the certificate to present." name:"nats-certificate" and:"nats-pair" placeholder:"FILE"`
	Key         string `help:"With --nats: file with the key of the certificate." name:"nats-key" and:"nats-pair" placeholder:"FILE"`
}

// Run implements the command. To be interrupted is its usual end.
func (c *eventsTail) Run(ctx context.Context, s terminal.Streams) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	err = event.Tail(ctx, js, event.TailOptions{
		FromStart: c.FromStart,
		Type:      c.Type,
		Skipped: func(subject string, cause error) {
			fmt.Fprintf(s.Err, "chancery: a message on %q is left out: %v\n", subject, cause)
		},
	}, func(e *eventv1.Event) error { return c.print(s, e) })
	switch {
	case errors.Is(err, event.ErrInvalid):
		return errors.New("--type must be a type of event such as grant.revoked, or its first word")
	case errors.Is(err, context.Canceled):
		return nil
	default:
		return err
	}
}

func (c *eventsTail) connect() (*nats.Conn, error) {
	if c.NATS == "" {
		return c.natsConn()
	}
	var options []nats.Option
	if c.Authority != "" {
		options = append(options, nats.RootCAs(c.Authority))
	}
	if c.Certificate != "" {
		options = append(options, nats.ClientCert(c.Certificate, c.Key))
	}
	return dialNATS(c.NATS, options...)
}

// print writes one line. Other than a table a stream has no last row to wait for.
func (c *eventsTail) print(s terminal.Streams, e *eventv1.Event) error {
	if c.JSON {
		return terminal.Proto(s.Out, e)
	}
	_, err := fmt.Fprintln(s.Out, strings.Join(eventRow(e), "  "))
	return err
}
