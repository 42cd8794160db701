package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

// maxDiscovery is more than a discovery document, in bytes.
const maxDiscovery = 256 << 10

// serviceChecks ask each service that the process calls in other processes; an
// operator calls all of them.
func (s Subject) serviceChecks(i *identity) []Check {
	var list []Check
	called := config.Remote(s.Roles)
	if i.forOperator() {
		called = config.Roles()[1:] // nobody calls the gateway over gRPC
	}
	for _, role := range called {
		list = append(list, Check{"service " + role, func(ctx context.Context) Finding { return i.checkService(ctx, role) }})
	}
	return list
}

// checkService asks every address of a service, so that one bad replica shows.
func (i *identity) checkService(ctx context.Context, role string) Finding {
	if !i.usable() {
		return Finding{} // the certificate says so
	}
	target := i.Config.TargetOf(role)
	addresses, err := resolve(ctx, target)
	if err != nil {
		return Bad("%s leads nowhere: %v", target, err).Do("look at %s.target, and at the name service", role)
	}
	for _, address := range addresses {
		if f := ask(ctx, address, i.loaded.ClientTLS(role)); f.Status != OK {
			f.Message = address + ": " + f.Message
			return f
		}
	}
	return Good("%d of %d addresses answer as %s", len(addresses), len(addresses), i.name(role))
}

// resolve lists the addresses of a target; a target of a kind it does not know is
// left to gRPC.
func resolve(ctx context.Context, target string) ([]string, error) {
	scheme, rest, ok := strings.Cut(target, ":///")
	switch {
	case ok && scheme == "static":
		return strings.Split(rest, ","), nil
	case ok && scheme == "passthrough":
		return []string{rest}, nil
	case ok && scheme == "dns":
		target = rest
	case strings.Contains(target, ":/"):
		return []string{target}, nil
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	slices.Sort(hosts)
	addresses := make([]string, 0, len(hosts))
	for _, each := range hosts {
		addresses = append(addresses, net.JoinHostPort(each, port))
	}
	return addresses, nil
}

// ask makes the standard health call (gRPC Health Checking Protocol) of one
// address.
func ask(ctx context.Context, address string, config *tls.Config) Finding {
	if !strings.Contains(address, ":/") {
		address = "passthrough:///" + address
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		return Bad("%v", err).Do("look at the target")
	}
	defer conn.Close()
	answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
	switch code := status.Code(err); {
	case code == codes.Unimplemented, code == codes.PermissionDenied:
		return Good("answers")
	case code == codes.Unavailable, code == codes.DeadlineExceeded:
		return Bad("no answer: %s", status.Convert(err).Message()).
			Do("start it, and look whether its certificate names its role and is from the authority, and whether it accepts ours")
	case err != nil:
		return Bad("%v", err).Do("look at its log")
	case answer.GetStatus() != healthv1.HealthCheckResponse_SERVING:
		return Odd("answers, and is not ready").Do("look at its /readyz and its log")
	}
	return Good("answers")
}

// hostOf is the host of a URL, without its port.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Hostname()
	}
	return ""
}

// IssuerCheck reads the discovery document as clients do (OIDC Discovery §4).
func IssuerCheck(issuer string) Check {
	return Check{"issuer", func(ctx context.Context) Finding {
		said, err := discover(ctx, issuer)
		if err != nil {
			return Odd("%s is not reached from here: %v", issuer, err).Do("look at it from where clients are: name service, proxy, public certificate")
		}
		if said != issuer {
			return Bad("the gateway at %s calls itself %s", issuer, said).Do("give every process the same issuer")
		}
		return Good("%s answers", issuer)
	}}
}

// discover is the issuer that the document at an issuer's URL names.
func discover(ctx context.Context, issuer string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("answer %s", resp.Status)
	}
	var document struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, maxDiscovery)).Decode(&document); err != nil {
		return "", fmt.Errorf("read the document: %w", err)
	}
	return document.Issuer, nil
}
