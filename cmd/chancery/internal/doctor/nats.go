package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

// stream is where events go.
const stream = "CHANCERY_EVENTS"

// replicated is from how many servers on the stream should have copies.
const replicated = 3

// natsChecks are one for each server and, for the role that relays events, those
// of the stream.
func (s Subject) natsChecks(i *identity) []Check {
	if !slices.ContainsFunc(s.Roles, config.NeedsNATS) {
		return nil
	}
	var list []Check
	for _, server := range s.Config.NATS.Servers {
		list = append(list, Check{"NATS " + hostPort(server), func(context.Context) Finding { return i.checkServer(server) }})
	}
	if slices.Contains(s.Roles, "registry") {
		list = append(list, Check{"event stream", i.checkStream})
	}
	return list
}

// hostPort is a server without the rest of its URL.
func hostPort(server string) string {
	if u, err := url.Parse(server); err == nil {
		return u.Host
	}
	return server
}

func (i *identity) checkServer(server string) Finding {
	if strings.HasPrefix(server, "tls:") && !i.usable() {
		return Finding{} // the certificate says so
	}
	conn, err := i.connect(server)
	if err != nil {
		return Bad("the server does not let this process in: %v", err).
			Do("start it, and look whether its certificate has this host's name and is from the authority, and whether its users name this process")
	}
	defer conn.Close()
	if _, err := conn.TLSConnectionState(); err != nil {
		return Good("%s answers, without TLS on this machine", conn.ConnectedServerName())
	}
	return Good("%s answers over TLS", conn.ConnectedServerName())
}

// connect connects to any of the servers, separated by commas.
func (i *identity) connect(servers string) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("chancery-doctor"), nats.Timeout(timeout), nats.NoReconnect(), nats.IgnoreDiscoveredServers(),
		// What the server refuses later is the answer of the call that asked for it.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if i.usable() {
		options = append(options, secure(i, servers))
	}
	return nats.Connect(servers, options...)
}

// secure offers the certificate to servers that are named by tls://.
func secure(i *identity, servers string) nats.Option {
	if !strings.Contains(servers, "tls://") {
		return func(*nats.Options) error { return nil }
	}
	return nats.Secure(i.hostTLS())
}

func (i *identity) checkStream(ctx context.Context) Finding {
	conn, err := i.connect(strings.Join(i.Config.NATS.Servers, ","))
	if err != nil {
		return Finding{} // the servers' checks say so
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return Bad("%v", err)
	}
	found, err := js.Stream(ctx, stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return Odd("there is no stream %s yet", stream).Do("the registry makes it when it starts; look at its log if it runs")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return Bad("JetStream is not enabled: events would stay in the database").Do("enable jetstream in the configuration of the NATS servers")
	case err != nil:
		return Bad("the stream %s cannot be read: %v", stream, err).Do("look at the permissions of this process on the NATS servers, and whether a majority of them runs")
	}
	return judgeStream(found.CachedInfo(), len(i.Config.NATS.Servers))
}

// judgeStream looks at how safe events are.
func judgeStream(info *jetstream.StreamInfo, servers int) Finding {
	copies := fmt.Sprintf("%s has %d messages and %d copies", stream, info.State.Msgs, info.Config.Replicas)
	if servers >= replicated && info.Config.Replicas < replicated {
		return Odd("%s, of %d servers", copies, servers).Do("nats stream edit %s --replicas %d", stream, replicated)
	}
	if c := info.Cluster; c != nil {
		if c.Leader == "" {
			return Bad("%s and no leader", copies).Do("start the NATS servers that are away")
		}
		for _, peer := range c.Replicas {
			if peer.Offline {
				return Odd("%s, and the one on %s is away", copies, peer.Name).Do("start that NATS server")
			}
		}
	}
	return Good("%s", copies)
}
