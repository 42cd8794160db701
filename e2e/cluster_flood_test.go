package e2e

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/deploy/cluster"
	"github.com/chancery-auth/chancery/e2e/unfinished"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

const (
	// floodTime is how long each attack goes on.
	floodTime = 5 * time.Second
	// memoryOfIntrospection is the limit of the chart.
	memoryOfIntrospection = 1 << 30
)

// unfinishedMessages attacks one introspection process without a certificate. It
// stays below the chart's limit, and answers callers with a certificate and without.
func unfinishedMessages(t *testing.T, f *fleet) {
	victim := f.Processes("introspection")[0]
	before := victim.PID()
	token := clientToken(t, f.s)
	strangers := f.identity(t, cluster.Platform).ClientTLS("introspection")
	strangers.GetClientCertificate = nil
	strangers.NextProtos = []string{"h2"}
	conn, err := grpc.NewClient(victim.GRPC, grpc.WithTransportCredentials(credentials.NewTLS(strangers)), grpc.WithUnaryInterceptor(grpcserve.Client))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	known := f.replicas(t)[0].client
	callers := map[string]func(context.Context) (*introspectionv1.IntrospectResponse, error){
		"with a certificate": func(ctx context.Context) (*introspectionv1.IntrospectResponse, error) {
			return known.Introspect(ctx, &introspectionv1.IntrospectRequest{Token: token})
		},
		"without": func(ctx context.Context) (*introspectionv1.IntrospectResponse, error) {
			return introspectionv1.NewIntrospectionServiceClient(conn).Introspect(ctx, &introspectionv1.IntrospectRequest{
				Token: token, ClientId: f.s.Demo.Client.ClientID, ClientSecret: f.s.Demo.Client.ClientSecret,
			})
		},
	}
	for name, attack := range map[string]unfinished.Attack{
		"many requests": {Connections: 40, Requests: 250, Size: 1000},
		"much content":  {Connections: 450, Requests: 256, Size: 60_000},
	} {
		attack.Address, attack.TLS, attack.Path = victim.GRPC, strangers, introspectionv1.IntrospectionService_Introspect_FullMethodName
		ctx, cancel := context.WithTimeout(t.Context(), floodTime)
		var attackers sync.WaitGroup
		var opened, sent int64
		attackers.Go(func() { opened, sent = attack.Run(ctx) })
		made := 0
		for ctx.Err() == nil {
			for who, call := range callers {
				answer, err := call(t.Context())
				if err != nil || !answer.GetActive() {
					t.Errorf("%s: a caller %s: %v, %v", name, who, answer.GetActive(), err)
				}
				made++
			}
		}
		attackers.Wait()
		cancel()
		most := mostMemory(t, victim.PID())
		t.Logf("%s: %d connections and %d bytes of messages, %d calls beside, at most %d MiB", name, opened, sent, made, most>>20)
		if victim.PID() != before || most >= memoryOfIntrospection || opened < int64(attack.Connections)/2 || made < len(callers) {
			t.Errorf("%s: process %d (was %d) had %d MiB, %d connections, %d calls", name, victim.PID(), before, most>>20, opened, made)
		}
	}
}

// mostMemory is the most that a process has had resident, in bytes.
func mostMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal("the system does not say")
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
