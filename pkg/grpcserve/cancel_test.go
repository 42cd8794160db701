package grpcserve_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/h2conn"
	"github.com/chancery-auth/chancery/pkg/mtls"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// The edge has one connection to a replica for all whose requests it hands on. So
// people who give up, however many, end no call of another.
func TestN330_CancelledCallsOfAKnownCallerEndNoOther(t *testing.T) {
	m := newMesh(t)
	refused := &refusals{by: map[string]int{}}
	options := strict()
	options.Refused = refused.note
	server, err := grpcserve.NewServer(options, credentials.NewTLS(m.identity(domain, "token").ServerTLS(mtls.IfGiven)))
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan string, 1)
	finish := make(chan struct{})
	release := sync.OnceFunc(func() { close(finish) })
	(&script{exchange: func(ctx context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		begun <- req.GetClientId()
		if req.GetClientId() == "patient" {
			<-finish
			return &tokenv1.ExchangeResponse{}, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}}).register(server)
	address, _ := serve(t, server)
	t.Cleanup(release)
	to := target(address)
	to.TLS = m.identity(domain, "gateway").ClientTLS("token")
	client := tokenv1.NewTokenServiceClient(connect(t, to, ""))

	patient := make(chan error, 1)
	go func() {
		_, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{ClientId: "patient"})
		patient <- err
	}()
	<-begun
	for range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = client.Exchange(ctx, &tokenv1.ExchangeRequest{ClientId: "hasty"}) // it is cancelled
		}()
		select {
		case <-begun:
		case err := <-patient:
			t.Fatalf("the call that waits ends with %v; refused %v", err, refused.by)
		}
		cancel()
		<-ended
	}
	release()
	if err := <-patient; err != nil {
		t.Errorf("the call that waits: %v; refused %v", err, refused.by)
	}
}

// What many people send at once comes on one connection side by side, and arrives.
func TestN324_LargeCallsSideBySideAreAnswered(t *testing.T) {
	e := newAdmitting(t, grpcserve.Admission{Connections: 512, PerSource: 128, Memory: 64 << 20, ReceiveTimeout: 2 * time.Second})
	to := target(e.address)
	to.TLS = e.known()
	client := tokenv1.NewTokenServiceClient(connect(t, to, ""))
	large := &tokenv1.ExchangeRequest{ClientAssertion: strings.Repeat("x", 60<<10)}
	var wg sync.WaitGroup
	for range 250 {
		wg.Go(func() {
			if _, err := client.Exchange(t.Context(), large); err != nil {
				t.Errorf("one of the calls: %v", err)
			}
		})
	}
	wg.Wait()
	if n := e.refused.of(h2conn.ReceiveTimeout); n > 0 {
		t.Errorf("%d connections were ended", n)
	}
}
