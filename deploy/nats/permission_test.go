package nats_test

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

const (
	restriction = "chancery.restriction"
	event       = "chancery.event.grant.revoked"
	stream      = "CHANCERY_EVENTS"
	inbox       = "_INBOX.somebody.else"
)

// allowed is what each role may do, and nothing else.
var allowed = map[string]struct{ publish, subscribe []string }{
	"authorize":     {publish: []string{restriction}},
	"token":         {publish: []string{restriction}},
	"consent":       {publish: []string{restriction}},
	"directory":     {publish: []string{restriction}},
	"introspection": {publish: []string{restriction}, subscribe: []string{restriction}},
	"registry": {
		publish: []string{
			restriction, event,
			"$JS.API.STREAM.INFO." + stream, "$JS.API.STREAM.CREATE." + stream, "$JS.API.STREAM.UPDATE." + stream,
		},
		subscribe: []string{inbox},
	},
	"admin": {
		publish: []string{
			"$JS.API.STREAM.INFO." + stream, "$JS.API.CONSUMER.CREATE." + stream + ".reader",
			"$JS.API.CONSUMER.MSG.NEXT." + stream + ".reader", "$JS.ACK." + stream + ".reader",
		},
		subscribe: []string{inbox},
	},
}

// tried is what somebody may try.
var (
	triedPublish = []string{
		restriction, event, inbox, "chancery.other", "chancery", "rev.x",
		"$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.INFO." + stream, "$JS.API.STREAM.CREATE." + stream, "$JS.API.STREAM.UPDATE." + stream,
		"$JS.API.STREAM.DELETE." + stream, "$JS.API.STREAM.PURGE." + stream, "$JS.API.STREAM.RESTORE." + stream,
		"$JS.API.STREAM.SNAPSHOT." + stream, "$JS.API.STREAM.MSG.GET." + stream, "$JS.API.STREAM.MSG.DELETE." + stream,
		"$JS.API.STREAM.CREATE.OTHER", "$JS.API.STREAM.INFO.OTHER", "$JS.API.DIRECT.GET." + stream,
		"$JS.API.CONSUMER.CREATE." + stream + ".reader", "$JS.API.CONSUMER.CREATE.OTHER.reader",
		"$JS.API.CONSUMER.MSG.NEXT." + stream + ".reader", "$JS.ACK." + stream + ".reader",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.CHANCERY.CONNZ", "$SRV.PING",
	}
	triedSubscribe = []string{
		restriction, ">", "*", "*.*", "chancery.>", "chancery.*", "chancery.event.>", event,
		inbox, "$JS.>", "$JS.API.>", "$JS.EVENT.>", "$SYS.>", "$SYS.REQ.SERVER.PING", "$SRV.>", "rev.>",
	}
)

func TestN269_NobodyIsAnonymous(t *testing.T) {
	b := startBus(t)
	for i := range b.servers {
		if err := b.as(t, i, "token").Flush(); err != nil {
			t.Errorf("server %d: a role's certificate is refused: %v", i, err)
		}
	}
	a, domain := b.authority, mtls.DefaultDomain
	for name, certificates := range map[string][]certificate{
		"no certificate":              nil,
		"a certificate of no user":    {issue(t, a, domain, "stranger")},
		"a user of another domain":    {issue(t, a, "chancery.example", "token")},
		"a user's name as first part": {issue(t, a, "chancery.example", "stranger", "token."+domain+".example.com")},
		"the gateway has no account":  {issue(t, a, domain, "gateway")},
		"a server is no client":       {issue(t, a, domain, "nats")},
		"another authority":           {issue(t, newAuthority(t), domain, "token")},
	} {
		if _, err := b.dial(t, 0, certificates...); err == nil {
			t.Errorf("%s: connects", name)
		}
	}
}

func TestN269_NothingIsAnsweredWithoutTLS(t *testing.T) {
	b := startBus(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.address(0))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil { //nolint:forbidigo // A deadline of the system.
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("CONNECT {\"user\":\"token." + mtls.DefaultDomain + "\"}\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "PONG") || strings.HasPrefix(line, "+OK") {
			t.Errorf("the server answers %q", line)
		}
	}
}

func TestN269_DefaultAccountHasNoUser(t *testing.T) {
	b := startBus(t)
	for _, s := range b.servers {
		global, err := s.LookupAccount("$G")
		if err != nil {
			t.Fatal(err)
		}
		b.as(t, 0, "token")
		if n := global.NumConnections(); n != 0 {
			t.Errorf("%d clients are in the default account", n)
		}
		if global.JetStreamEnabled() {
			t.Error("the default account has JetStream")
		}
	}
}

func TestN270_EachRoleSaysAndHearsOnlyItsOwn(t *testing.T) {
	b := startBus(t)
	for role, may := range allowed {
		t.Run(role, func(t *testing.T) {
			for _, subject := range triedPublish {
				checkAllowed(t, "publish to "+subject, slices.Contains(may.publish, subject), refusal(t, b, role, func(nc *nats.Conn) error {
					return nc.Publish(subject, []byte("{}"))
				}))
			}
			for _, subject := range triedSubscribe {
				checkAllowed(t, "subscribe to "+subject, slices.Contains(may.subscribe, subject), refusal(t, b, role, func(nc *nats.Conn) error {
					_, err := nc.SubscribeSync(subject)
					return err
				}))
			}
		})
	}
}

func TestN270_OnlyServersJoinAsServers(t *testing.T) {
	b := startBus(t)
	var intruders []*server.Server
	for _, role := range []string{"gateway", "registry", "nats-operator"} {
		intruders = append(intruders, b.start(t, "intruder-"+role, "127.0.0.1:-1", role))
	}
	// By the time that a server has joined, the intruders had longer to try. They
	// would be among the servers beside the others.
	fourth := b.start(t, "nats-3", "127.0.0.1:-1", "nats")
	for _, s := range append(b.servers, fourth) {
		eventually(t, s.Name()+" has three servers beside it", func() bool { return s.NumRemotes() == replicas })
	}
	for _, intruder := range intruders {
		if n := intruder.NumRoutes(); n != 0 {
			t.Errorf("%s has %d routes", intruder.Name(), n)
		}
	}
}

func TestRestrictionReachesIntrospectionOnEveryServer(t *testing.T) {
	b := startBus(t)
	subscriptions := make([]*nats.Subscription, replicas)
	for i := range subscriptions {
		nc := b.as(t, i, "introspection")
		var err error
		if subscriptions[i], err = nc.SubscribeSync(restriction); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	publisher := b.as(t, 0, "token")
	for _, s := range subscriptions {
		eventually(t, "a hint arrives", func() bool {
			// Interest spreads among the servers in the background.
			if err := publisher.Publish(restriction, []byte("hint")); err != nil {
				t.Fatal(err)
			}
			_, err := s.NextMsg(100 * time.Millisecond)
			return err == nil
		})
	}
}

func TestRegistryKeepsEventsThreeTimesAndAdminReadsThem(t *testing.T) {
	b := startBus(t)
	relay, err := jetstream.New(b.as(t, 0, "registry"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = relay.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
		Name: stream, Subjects: []string{"chancery.event.>"}, Replicas: replicas,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relay.Publish(t.Context(), event, []byte("event"), jetstream.WithMsgID("1")); err != nil {
		t.Fatal(err)
	}

	reader, err := jetstream.New(b.as(t, 1, "admin"))
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := reader.CreateOrUpdateConsumer(t.Context(), stream, jetstream.ConsumerConfig{
		Durable: "reader", AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	message, err := consumer.Next(jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	if err := message.DoubleAck(t.Context()); err != nil || message.Subject() != event {
		t.Errorf("read %q, error %v", message.Subject(), err)
	}
}

// refusal is what the server says to an action of the role, nil when it is
// permitted. The connection is new, so that what it says is about the action.
func refusal(t *testing.T, b *bus, role string, act func(*nats.Conn) error) error {
	t.Helper()
	nc := b.as(t, 0, role)
	defer nc.Close()
	if err := act(nc); err != nil {
		t.Fatal(err)
	}
	// The server answers in order: what it had against the action is known now.
	if err := nc.Flush(); err != nil {
		return err
	}
	return nc.LastError()
}

func checkAllowed(t *testing.T, what string, want bool, err error) {
	t.Helper()
	switch {
	case want && err != nil:
		t.Errorf("%s is refused: %v", what, err)
	case !want && !errors.Is(err, nats.ErrPermissionViolation):
		t.Errorf("%s: error %v, want a permission violation", what, err)
	}
}
