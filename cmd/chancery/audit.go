package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// auditCommands are "chancery audit …".
type auditCommands struct {
	List  auditList  `cmd:"" help:"List what has changed, newest first."`
	Purge auditPurge `cmd:"" help:"Delete old records."`
}

type auditList struct {
	adminFlags
	Type    string `help:"Only of this type, or of types that begin with this word." placeholder:"TYPE"`
	Client  string `help:"Only of this client." placeholder:"CLIENT_ID"`
	Subject string `help:"Only of this user." name:"sub" placeholder:"SUB"`
	Since   since  `help:"Only since this time (RFC 3339), or this long ago (24h)." placeholder:"TIME"`
	Limit   int    `help:"At most this many." default:"100"`
}

// Validate implements kong's check of a command.
func (c *auditList) Validate() error {
	if c.Limit < 1 {
		return errors.New("--limit must be at least 1")
	}
	return nil
}

// Run implements the command.
func (c *auditList) Run(ctx context.Context, s terminal.Streams) error {
	return c.call(func(conn grpc.ClientConnInterface) error {
		records, err := c.read(ctx, registryv1.NewRegistryServiceClient(conn))
		if err != nil {
			return err
		}
		return c.print(s, records)
	})
}

// auditPage is how many records one answer has: few enough for any message.
const auditPage = 200

// read follows pages until it has as many as wanted.
func (c *auditList) read(ctx context.Context, registry registryv1.RegistryServiceClient) (records []*eventv1.Event, err error) {
	req := &registryv1.ListAuditRecordsRequest{Type: c.Type, ClientId: c.Client, Sub: c.Subject, Since: c.Since.proto(time.Now())}
	err = pages(func(token string) (string, error) {
		req.PageToken, req.PageSize = token, int32(min(c.Limit-len(records), auditPage)) //nolint:gosec // G115: at most auditPage
		resp, err := registry.ListAuditRecords(ctx, req)
		records = append(records, resp.GetRecords()...)
		if len(records) >= c.Limit {
			return "", err
		}
		return resp.GetNextPageToken(), err
	})
	return records, err
}

func (c *auditList) print(s terminal.Streams, records []*eventv1.Event) error {
	if c.JSON {
		list, err := terminal.List(records)
		if err != nil {
			return err
		}
		return terminal.JSON(s.Out, map[string]any{"records": list})
	}
	rows := make([][]string, 0, len(records))
	for _, e := range records {
		rows = append(rows, eventRow(e))
	}
	return terminal.Table(s.Out, "TIME TYPE CALLER CONCERNS", rows)
}

// counted is how many events one stands for, empty for one that stands for itself.
func counted(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// eventRow is an event for a person: what it concerns is one column of name=id.
func eventRow(e *eventv1.Event) []string {
	var concerns []string
	for _, each := range []struct{ name, value string }{
		{"client", e.GetClientId()},
		{"sub", e.GetSub()},
		{"grant", e.GetGrantId()},
		{"family", e.GetFamilyId()},
		{"session", e.GetSessionId()},
		{"workspace", e.GetWorkspaceId()},
		{"project", e.GetProjectId()},
		{"secret", e.GetSecretId()},
		{"key", e.GetKeyId()},
		{"role", e.GetRole()},
		{"reason", e.GetReason()},
		{"scope", e.GetScope()},
		{"count", counted(e.GetCount())},
	} {
		if each.value != "" {
			concerns = append(concerns, each.name+"="+printable(each.value))
		}
	}
	return []string{e.GetEventTime().AsTime().Format(time.RFC3339), e.GetType(), printable(e.GetCaller()), strings.Join(concerns, " ")}
}

// printable is text without what could move the cursor of a terminal: others may
// be able to write to the stream.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// since is a time, or a time ago. The zero value is no time.
type since struct {
	at  time.Time
	ago time.Duration
}

// UnmarshalText implements encoding.TextUnmarshaler, for kong.
func (i *since) UnmarshalText(text []byte) (err error) {
	if i.at, err = time.Parse(time.RFC3339, string(text)); err == nil {
		return nil
	}
	if i.ago, err = time.ParseDuration(string(text)); err != nil || i.ago <= 0 {
		return errors.New("want a time such as 2026-01-31T12:00:00Z, or how long ago, such as 24h")
	}
	return nil
}

// proto is nil for no time.
func (i since) proto(now time.Time) *timestamppb.Timestamp {
	switch {
	case i.ago > 0:
		return timestamppb.New(now.Add(-i.ago))
	case i.at.IsZero():
		return nil
	default:
		return timestamppb.New(i.at)
	}
}

// auditPurge is "chancery audit purge". It needs the rights of the role that
// migrates: no service may delete a record.
type auditPurge struct {
	Config   string        `help:"Configuration that names the Postgres database." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	Database string        `help:"URL of the Postgres database, as the role that owns the tables; with a password it goes into the variable." placeholder:"URL" env:"CHANCERY_DATABASE"`
	Keep     time.Duration `help:"Delete records older than this, by the database's clock." required:"" placeholder:"DURATION"`
	JSON     bool          `help:"Print JSON." name:"json"`
}

// leastKeep guards against a slip of the keyboard.
const leastKeep = 24 * time.Hour

// Validate implements kong's check of a command.
func (c *auditPurge) Validate() error {
	if c.Keep < leastKeep {
		return fmt.Errorf("--keep must be at least %s", leastKeep)
	}
	return nil
}

// Run implements the command.
func (c *auditPurge) Run(ctx context.Context, s terminal.Streams) error {
	flags := migrateFlags{Config: c.Config, Database: c.Database}
	url, err := flags.postgres()
	if err != nil {
		return err
	}
	if url == "" {
		return errors.New("name the Postgres database with --config or --database; the embedded one is purged by the server itself")
	}
	db, err := pg.Open(ctx, url, pg.Options{StatementTimeout: -1})
	if err != nil {
		return err
	}
	defer db.Close()
	deleted, err := sweep.All(ctx, time.Now, eventdb.Sweeps(database.Postgres(db), c.Keep)...)
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.JSON(s.Out, map[string]int64{"deleted": deleted})
	}
	_, err = fmt.Fprintf(s.Out, "%d records deleted from %s\n", deleted, flags.place(url))
	return err
}
