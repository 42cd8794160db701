package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/e2e/cluster"
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
// lives with the chart's limit, and answers callers with a certificate and without.
func unfinishedMessages(t *testing.T, f *fleet) {
	victim := f.Processes("introspection")[0]
	before := victim.PID()
	confine(t, before)
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
	for _, attack := range []unfinished.Attack{
		{Connections: 40, Requests: 250, Size: 1000},
		{Connections: 450, Requests: 256, Size: 60_000},
	} {
		name := fmt.Sprintf("%d connections of %d requests of %d bytes", attack.Connections, attack.Requests, attack.Size)
		attack.Address, attack.TLS, attack.Path = victim.GRPC, strangers, introspectionv1.IntrospectionService_Introspect_FullMethodName
		ctx, cancel := context.WithTimeout(t.Context(), floodTime)
		var attackers sync.WaitGroup
		var opened, sent int64
		attackers.Go(func() { opened, sent = attack.Run(ctx) })
		made := 0
		for ctx.Err() == nil && victim.PID() == before {
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
		if victim.PID() != before {
			t.Fatalf("%s: the process has ended", name)
		}
		most := memory(t, before, "VmHWM")
		t.Logf("size: unfinished messages, %s: opened=%d sent=%dMiB calls=%d peak=%dMiB data=%dMiB limit=%dMiB",
			name, opened, sent>>20, made, most>>20, memory(t, before, "VmData")>>20, memoryOfIntrospection>>20)
		if most >= memoryOfIntrospection || opened < int64(attack.Connections)/2 || made < len(callers) {
			t.Errorf("%s: the process had %d MiB, %d connections, %d calls", name, most>>20, opened, made)
		}
	}
}

// confine sets the chart's limit for a running process, until the test ends: the system
// refuses to map more private memory that can be written, which ends a Go program.
// Stacks of threads count as a whole, and the buffers of sockets do not.
func confine(t *testing.T, pid int) {
	t.Helper()
	set := func(limit string) error {
		out, err := exec.Command("prlimit", "--pid", strconv.Itoa(pid), "--data="+limit+":").CombinedOutput()
		if err != nil {
			return fmt.Errorf("limit the memory of process %d: %w: %s", pid, err, out)
		}
		return nil
	}
	if err := set(strconv.Itoa(memoryOfIntrospection)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set("unlimited") }) // It may have ended.
}

// memory is what the system says of a process's memory in one line, in bytes: VmHWM is
// the most that was resident.
func memory(t *testing.T, pid int, line string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(line + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal("the system does not say")
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
