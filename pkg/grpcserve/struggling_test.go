package grpcserve_test

import (
	"testing"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// One that has lost its database gets no calls while another has one, and gets
// them where none has.
func TestN329_AReplicaWithoutADatabaseIsTheLastResort(t *testing.T) {
	one, two := newReplica(t, grpcserve.Drain{}), newReplica(t, grpcserve.Drain{})
	client := tokenv1.NewTokenServiceClient(connect(t, target(one.address, two.address), "gateway"))
	call := func() {
		t.Helper()
		if _, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err != nil {
			t.Error(err)
		}
	}
	both := func() bool {
		first, second := one.calls.Load(), two.calls.Load()
		call()
		call()
		return one.calls.Load() > first && two.calls.Load() > second
	}
	waitFor(t, both)
	one.server.SetStruggling(true)
	waitFor(t, func() bool {
		before := one.calls.Load()
		for range 10 {
			call()
		}
		return one.calls.Load() == before
	})
	two.server.SetStruggling(true)
	waitFor(t, both)
	resp, err := healthv1.NewHealthClient(dial(t, one.address, "")).Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || resp.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("others are told %v, %v", resp.GetStatus(), err)
	}
	one.server.SetStruggling(false)
	waitFor(t, func() bool {
		before := two.calls.Load()
		for range 10 {
			call()
		}
		return two.calls.Load() == before
	})
	two.server.SetStruggling(false)
	waitFor(t, both)
}
