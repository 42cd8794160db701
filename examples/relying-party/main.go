// Command relying-party is an app whose users sign in with a platform: the app's
// side of OAuth 2.1 and OpenID Connect, to be read in one sitting.
//
//	chancery client create --name "My app" --redirect-uri http://127.0.0.1:8400/callback
//	CLIENT_SECRET=… go run ./examples/relying-party --issuer … --client-id …
//
// It knows the issuer, its own credentials and the address of the platform's API,
// and learns the rest by discovery, so that it runs against any provider. Without a
// secret it is a public client. The tokens stay here: the browser has a cookie that
// means nothing anywhere else.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv("CLIENT_SECRET"), os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "relying-party:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	issuer, clientID, secret, authMethod string
	redirect, listen, scope, prompt, api string
	json                                 bool
}

func parse(args []string, secret string) (options, error) {
	o := options{secret: secret}
	flags := flag.NewFlagSet("relying-party", flag.ContinueOnError)
	flags.StringVar(&o.issuer, "issuer", "http://localhost:8080", "issuer `URL` of the provider")
	flags.StringVar(&o.clientID, "client-id", "", "client `id`; its secret is in CLIENT_SECRET")
	flags.StringVar(&o.authMethod, "auth-method", "client_secret_basic", "how the secret is sent: client_secret_basic or client_secret_post")
	flags.StringVar(&o.redirect, "redirect", "http://127.0.0.1:8400/callback", "redirect `URI`, as it is registered")
	flags.StringVar(&o.listen, "http", "", "`address` to serve on; default: that of the redirect URI")
	flags.StringVar(&o.scope, "scope", "openid profile email", "`scopes` to ask for")
	flags.StringVar(&o.prompt, "prompt", "", "`prompt` parameter, such as consent")
	flags.StringVar(&o.api, "api", "http://127.0.0.1:8300", "`URL` of the platform's API")
	flags.BoolVar(&o.json, "json", false, "print one line of JSON when ready")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	redirect, err := url.Parse(o.redirect)
	if err != nil || redirect.Path == "" || redirect.Path == "/" {
		return o, errors.New("--redirect is a URL with a path")
	}
	if o.listen == "" {
		o.listen = redirect.Host
	}
	if o.clientID == "" {
		return o, errors.New("--client-id is required")
	}
	return o, nil
}

// run is main without the process: it serves until ctx is done.
func run(ctx context.Context, args []string, secret string, out io.Writer) error {
	o, err := parse(args, secret)
	if err != nil {
		return err
	}
	a, err := newApp(ctx, o, time.Now)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: 2 * requestTime}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	home := strings.TrimSuffix(o.redirect, a.callbackPath) + "/"
	if o.json {
		err = json.NewEncoder(out).Encode(map[string]any{"ready": true, "http": listener.Addr().String(), "url": home})
	} else {
		_, err = fmt.Fprintf(out, "The app is ready: open %s\n", home)
	}
	if err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
		defer cancel()
		return server.Shutdown(drain)
	}
}

// newApp discovers the provider.
func newApp(ctx context.Context, o options, now func() time.Time) (*app, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, o.issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the provider: %w", err)
	}
	a := &app{options: o, provider: provider, now: now, sessions: make(map[string]*session)}
	if err := provider.Claims(&a.metadata); err != nil {
		return nil, fmt.Errorf("read the provider's metadata: %w", err)
	}
	redirect, err := url.Parse(o.redirect)
	if err != nil {
		return nil, err
	}
	a.callbackPath = redirect.Path
	a.config = oauth2.Config{
		ClientID: o.clientID, ClientSecret: o.secret, RedirectURL: o.redirect, Scopes: strings.Fields(o.scope),
		Endpoint: provider.Endpoint(),
	}
	// Left to itself, the library finds out by failing. Without a secret, client_id
	// goes into the body (RFC 6749 §3.2.1).
	a.config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if o.secret == "" || o.authMethod == "client_secret_post" {
		a.config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return a, nil
}
