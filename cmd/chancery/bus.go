package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// busTimeout is how long the embedded server may take to start.
const busTimeout = 5 * time.Second

// bus is a NATS server within this process, and a connection to it.
type bus struct {
	server *server.Server
	conn   *nats.Conn
}

// startBus starts a server that listens to nothing: only this process reaches it.
func startBus() (*bus, error) {
	s, err := server.NewServer(&server.Options{ServerName: "chancery", DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, fmt.Errorf("make the embedded NATS server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(busTimeout) {
		s.Shutdown()
		return nil, errors.New("the embedded NATS server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.Name("chancery"))
	if err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return &bus{s, conn}, nil
}

func (b *bus) close() {
	b.conn.Close()
	b.server.Shutdown()
	b.server.WaitForShutdown()
}
