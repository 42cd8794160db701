// Command platform is the API of a platform whose users sign in to apps with
// Chancery: a product with workspaces and projects, in GraphQL and REST. The tokens
// that it receives are checked by pkg/resourceserver, and by nothing else.
//
//	chancery serve --demo --data ./data
//	go run ./examples/platform --data ./data
//
// It finds the server by its data folder, and makes itself a client with the scope
// introspect there at its first start. Then, with a token of an app:
//
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8300/v1/workspaces/$W
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8300/graphql \
//	  --json '{"query": "{me {name email workspaces {id name}} externalWorkspaces {name projects {name}}}"}'
//
// GET /v1 lists the REST routes, which are those of the provider's scopes: see
// routeOf.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/chancery-auth/chancery/pkg/resourceserver"
)

// Limits of a request.
const (
	maxBodyBytes   = 64 << 10
	maxHeaderBytes = 16 << 10
	requestTime    = 10 * time.Second
	drainTime      = 10 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "platform:", err)
		os.Exit(1)
	}
}

// run is main without the process: it serves until ctx is done.
func run(ctx context.Context, args []string, out, logTo io.Writer) error {
	flags := flag.NewFlagSet("platform", flag.ContinueOnError)
	data := flags.String("data", "data", "data `folder` of the running 'chancery serve'")
	address := flags.String("http", "127.0.0.1:8300", "`address` to serve on")
	asJSON := flags.Bool("json", false, "print one line of JSON when ready")
	if err := flags.Parse(args); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(logTo, nil))

	p, err := openProvider(ctx, *data)
	if err != nil {
		return err
	}
	defer p.close()
	guard := resourceserver.New(
		resourceserver.NewIntrospector(p.conn, p.credentials),
		resourceserver.Config{Realm: "platform", Log: log, Now: time.Now})
	handler, err := newHandler(guard, p, p.scopes, log)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	return serve(ctx, listener, handler, func() error {
		return announce(out, *asJSON, ready{true, listener.Addr().String(), p.issuer, p.credentials.ClientID})
	})
}

// newHandler puts the API together: what is behind the guard, and the list of routes.
func newHandler(guard *resourceserver.Guard, names directory, scopes []string, log *slog.Logger) (http.Handler, error) {
	mux := http.NewServeMux()
	schema, err := newSchema(names, log)
	if err != nil {
		return nil, err
	}
	mux.Handle("POST /graphql", guard.Require()(schema))
	routes, err := routesOf(scopes)
	if err != nil {
		return nil, err
	}
	places := newPlaces()
	for _, route := range routes {
		mux.Handle(route.Method+" "+route.Path, route.handler(guard, places))
	}
	mux.HandleFunc("GET /v1", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"routes": routes})
	})
	return http.MaxBytesHandler(mux, maxBodyBytes), nil
}

// serve serves until ctx is done, and then lets what has begun come to its end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, announce func() error) error {
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: 2 * requestTime, IdleTimeout: time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if err := announce(); err != nil {
		return errors.Join(err, server.Close(), ended(<-failed))
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return errors.Join(server.Shutdown(drain), ended(<-failed))
}

// ended is err, unless that is how a server ends that was told to.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ready is the line that scripts wait for.
type ready struct {
	Ready    bool   `json:"ready"`
	HTTP     string `json:"http"`
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
}

func announce(out io.Writer, asJSON bool, r ready) error { //nolint:revive // It is the flag of the command line.
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	_, err := fmt.Fprintf(out, "The platform is ready.\n\n  GraphQL  http://%[1]s/graphql\n  REST     http://%[1]s/v1\n  tokens   of %[2]s\n", r.HTTP, r.Issuer)
	return err
}
