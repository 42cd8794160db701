package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/chancery-auth/chancery/cmd/chancery/demo"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// serveCommand is "chancery serve": every service in one process.
type serveCommand struct {
	dataFlag
	HTTP      string   `help:"Address of the public HTTP endpoints. Port 0 picks a free one." default:"127.0.0.1:8080" placeholder:"ADDR" name:"http"`
	GRPC      string   `help:"Address of the gRPC services." default:"127.0.0.1:9090" placeholder:"ADDR" name:"grpc"`
	Internal  string   `help:"Address of health and readiness." default:"127.0.0.1:0" placeholder:"ADDR"`
	Issuer    string   `help:"URL that tokens name as their issuer. Default: the HTTP address, as localhost." placeholder:"URL"`
	Database  string   `help:"URL of a Postgres database. Default: an embedded database below the data folder." placeholder:"URL" env:"CHANCERY_DATABASE"`
	KEK       string   `help:"Key-encryption key: file:PATH or env:NAME. Default: a file below the data folder, made when there is none." name:"kek" placeholder:"URI" env:"CHANCERY_KEK"`
	TLSCert   string   `help:"File with the certificate chain of the HTTP endpoints." name:"tls-cert" placeholder:"FILE" type:"existingfile"`
	TLSKey    string   `help:"File with the certificate's key." name:"tls-key" placeholder:"FILE" type:"existingfile"`
	Proxies   []string `help:"Address range of a reverse proxy that may say whom it forwards for; may be repeated." name:"trusted-proxy" sep:"none" placeholder:"CIDR"`
	Demo      bool     `help:"Make a user, workspaces and clients, and serve a small app that shows the whole flow. Only on a loopback address."`
	Unlimited bool     `help:"Lift the limits on requests from one address. For load tests: anybody can then keep the server busy." name:"unsafe-no-rate-limits"`
	LogLevel  string   `help:"debug, info, warn or error." default:"info" placeholder:"LEVEL"`
	JSON      bool     `help:"Print one line of JSON when ready to answer." name:"json"`
}

// drainTime is how long requests that run may take to finish at the end.
const drainTime = 10 * time.Second

// gcPercent lets garbage grow to four times what is live before it is collected.
// What is live is small, so that Go's own 100 would collect all the time.
const gcPercent = 400

// Run implements the command. It returns when ctx ends and everything has
// stopped, or at the first part that fails.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	log, err := c.logger(s)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := c.check(); err != nil {
		return err
	}
	unlock, err := c.acquire()
	if err != nil {
		return err
	}
	defer unlock()
	listeners, err := c.listen(ctx)
	if err != nil {
		return err
	}
	defer listeners.close()
	app, err := newApp(ctx, c, listeners, log)
	if err != nil {
		return err
	}
	defer app.close()
	return c.serve(ctx, s, app)
}

// serve runs the app until ctx ends, and says when it is ready.
func (c *serveCommand) serve(ctx context.Context, s streams, app *app) error {
	group, ctx := errgroup.WithContext(ctx)
	app.start(ctx, group)
	group.Go(func() error {
		if err := app.waitReady(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		return c.announce(s, app)
	})
	err := group.Wait()
	if removeErr := os.Remove(c.server()); removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return err
}

// announce tells scripts and people where the server is.
func (c *serveCommand) announce(s streams, app *app) error {
	content, err := json.Marshal(app.info)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.server(), content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", c.server(), err)
	}
	if c.JSON {
		return printJSON(s.out, ready{
			Ready: true, serverInfo: app.info, AdminCredential: c.credential(), Demo: app.demo,
		})
	}
	return welcome(s, app.info, c.dataFlag, app.demo)
}

// ready is the line that scripts wait for.
type ready struct {
	Ready bool `json:"ready"`
	serverInfo
	AdminCredential string    `json:"admin_credential"`
	Demo            *demoData `json:"demo,omitempty"`
}

// welcome is the same for people.
func welcome(s streams, info serverInfo, d dataFlag, made *demoData) error {
	fmt.Fprintf(s.out, "Chancery is ready.\n\n  issuer     %s\n  discovery  %s/.well-known/openid-configuration\n  gRPC       %s\n  health     http://%s/readyz\n  data       %s\n",
		info.Issuer, info.Issuer, info.GRPC, info.Internal, d.Data)
	if made != nil {
		fmt.Fprintf(s.out, "\nTry it: open %s%s\n\n  sign in as  %s\n  password    %s\n", info.Issuer, demo.Path, made.User.Username, made.User.Password)
	}
	_, err := fmt.Fprint(s.out, "\nPress Ctrl-C to stop.\n")
	return err
}

func (c *serveCommand) logger(s streams) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %s: want debug, info, warn or error", c.LogLevel)
	}
	return telemetry.NewLogger(s.err, level), nil
}

// check refuses flags that contradict each other, or that are not safe.
func (c *serveCommand) check() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together")
	}
	if c.Demo && !loopback(c.HTTP) {
		return errors.New("--demo has well-known passwords: it needs an --http address on loopback")
	}
	for _, address := range []string{c.GRPC, c.Internal} {
		if !loopback(address) {
			return fmt.Errorf("%s is not a loopback address: gRPC and health are plain text in this mode", address)
		}
	}
	return c.checkIssuer()
}

// acquire makes the data folder, and takes its lock: two servers on one folder
// would each believe that they are alone.
func (d dataFlag) acquire() (release func(), err error) {
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	file, err := os.OpenFile(d.lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another server runs on %s: stop it, or choose another folder with --data", d.Data)
	}
	return func() { _ = file.Close() }, nil
}

// listeners are the open addresses. They open early, so that a port that is
// taken is found before anything is made.
type listeners struct {
	http, grpc, internal net.Listener
}

func (c *serveCommand) listen(ctx context.Context) (*listeners, error) {
	var l listeners
	var config net.ListenConfig
	for _, each := range []struct {
		to      *net.Listener
		flag    string
		address string
	}{
		{&l.http, "--http", c.HTTP}, {&l.grpc, "--grpc", c.GRPC}, {&l.internal, "--internal", c.Internal},
	} {
		listener, err := config.Listen(ctx, "tcp", each.address)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("%s %s: %w", each.flag, each.address, err)
		}
		*each.to = listener
	}
	return &l, nil
}

// close closes what is open; twice is no error.
func (l *listeners) close() {
	for _, listener := range []net.Listener{l.http, l.grpc, l.internal} {
		if listener != nil {
			listener.Close()
		}
	}
}

// serveHTTP serves until ctx is done, and lets requests that run finish.
func serveHTTP(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("drain http: %w", err), server.Close())
	}
	return nil
}
