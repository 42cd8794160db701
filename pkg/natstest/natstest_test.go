package natstest_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/chancery-auth/chancery/pkg/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMessageArrives(t *testing.T) {
	nc, err := nats.Connect(natstest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("x", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if msg, err := sub.NextMsg(5 * time.Second); err != nil || string(msg.Data) != "hello" {
		t.Errorf("NextMsg() = %v, %v", msg, err)
	}
}

func TestServerComesBackAtTheSameAddress(t *testing.T) {
	s := natstest.NewServer(t)
	s.Stop()
	if nc, err := nats.Connect(s.URL()); err == nil {
		nc.Close()
		t.Error("a stopped server accepts clients")
	}
	s.Start(t)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}
