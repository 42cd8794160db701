package cluster

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"strconv"
)

const (
	loopback = "127.0.0.1"
	// Ports come from below the range that systems take those of outgoing
	// connections from: a process finds its port free when it comes back.
	lowestPort, highestPort = 18000, 32000
	portAttempts            = 1000
)

// ports are the addresses of the cluster by name. They are kept in a file, so
// that the issuer stays the same from one start to the next.
type ports struct {
	path   string
	byName map[string]int
	taken  map[int]bool
}

func openPorts(path string) (*ports, error) {
	p := &ports{path: path, byName: map[string]int{}, taken: map[int]bool{}}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, &p.byName); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return p, nil
}

// address returns host:port for a name: the port it had, if that is free.
func (p *ports) address(ctx context.Context, name string) (string, error) {
	port, known := p.byName[name]
	for range portAttempts {
		if known && !p.taken[port] && free(ctx, port) {
			p.byName[name], p.taken[port] = port, true
			return net.JoinHostPort(loopback, strconv.Itoa(port)), nil
		}
		n, err := rand.Int(rand.Reader, big.NewInt(highestPort-lowestPort))
		if err != nil {
			return "", err
		}
		port, known = lowestPort+int(n.Int64()), true
	}
	return "", errors.New("no free port found")
}

// prefer gives a name the port unless it has one.
func (p *ports) prefer(name string, port int) {
	if _, known := p.byName[name]; !known && port != 0 {
		p.byName[name] = port
	}
}

func (p *ports) save() error {
	content, err := json.MarshalIndent(p.byName, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(p.path, content, 0o600)
}

// free reports whether nobody listens to the port.
func free(ctx context.Context, port int) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
