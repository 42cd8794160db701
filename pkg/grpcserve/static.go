package grpcserve

import (
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc/resolver"
)

const staticScheme = "static"

// static resolves a target to the addresses that it lists:
// static:///host:port,host:port.
type static struct{}

// Scheme implements resolver.Builder.
func (static) Scheme() string { return staticScheme }

// Build implements resolver.Builder.
func (static) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	list, err := addresses(target.Endpoint())
	if err != nil {
		return nil, err
	}
	var state resolver.State
	for _, address := range list {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	return static{}, conn.UpdateState(state)
}

// OverrideAuthority implements resolver.AuthorityOverrider: a list is no host.
func (static) OverrideAuthority(target resolver.Target) string {
	first, _, _ := strings.Cut(target.Endpoint(), ",")
	return first
}

// ResolveNow implements resolver.Resolver. The list does not change.
func (static) ResolveNow(resolver.ResolveNowOptions) {}

// Close implements resolver.Resolver.
func (static) Close() {}

// checkStatic refuses a list that is none, before it is used.
func checkStatic(target string) error {
	list, ok := strings.CutPrefix(target, staticScheme+":")
	if !ok {
		return nil
	}
	list, ok = strings.CutPrefix(list, "///")
	if !ok {
		return fmt.Errorf("%q: want static:///host:port,host:port", target)
	}
	_, err := addresses(list)
	return err
}

// addresses splits a list.
func addresses(list string) ([]string, error) {
	all := strings.Split(list, ",")
	for _, address := range all {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%q in %q is no address: want host:port", address, list)
		}
	}
	return all, nil
}
