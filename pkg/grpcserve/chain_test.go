package grpcserve_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func (tr *transport) tokens() tokenv1.TokenServiceClient {
	return tokenv1.NewTokenServiceClient(tr.conn("gateway"))
}

func (tr *transport) directory(c grpcserve.Caller) directoryv1.DirectoryServiceClient {
	return directoryv1.NewDirectoryServiceClient(tr.conn(c))
}

func TestRefusalsComeBackAsWhatTheyWere(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		tests := map[string]struct {
			err    error
			want   error
			text   string
			hidden string
		}{
			"of OAuth":         {oauth.RefuseBecause(oauth.InvalidGrant, "code has expired", errors.New("canary")), oauth.InvalidGrant, "code has expired", "canary"},
			"of a fault":       {fault.Because(fault.Conflict, "read it again", errors.New("canary")), fault.Conflict, "read it again", "canary"},
			"of anything else": {errors.New("canary"), oauth.ServerError, "", "canary"},
			"of a store away":  {io.ErrUnexpectedEOF, oauth.TemporarilyUnavailable, "", "EOF"},
		}
		for name, tt := range tests {
			tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
				return &tokenv1.ExchangeResponse{AccessToken: "beside an error"}, tt.err
			}
			resp, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), tt.hidden) {
				t.Errorf("%s: error = %v, want %v with %q and without %q", name, err, tt.want, tt.text, tt.hidden)
			}
			if resp.GetAccessToken() != "" {
				t.Errorf("%s: a response comes beside the error", name)
			}
			if !strings.Contains(tr.log.String(), tt.hidden) {
				t.Errorf("%s: the cause is not in the log", name)
			}
		}
		if got := strings.Count(tr.log.String(), `"msg":"call refused"`); got != len(tests) {
			t.Errorf("%d errors are logged %d times", len(tests), got)
		}
	}, func(o *grpcserve.Options) {
		o.Unavailable = func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
	})
}

func TestSeverityOfWhatIsLogged(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"a refusal":                 {oauth.Refuse(oauth.InvalidGrant, "no"), "INFO"},
		"a fault":                   {fault.New(fault.NotFound, "no"), "INFO"},
		"the other service is away": {oauth.Refuse(oauth.TemporarilyUnavailable, "no"), "WARN"},
		"out of time":               {context.DeadlineExceeded, "WARN"},
		"the other service failed":  {oauth.Refuse(oauth.ServerError, ""), "ERROR"},
		"anything else":             {errors.New("no"), "ERROR"},
	}
	for name, tt := range tests {
		onEach(t, func(t *testing.T, tr *transport) {
			tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) { return nil, tt.err }
			if _, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err == nil {
				t.Error("no error")
			}
			if log := tr.log.String(); !strings.Contains(log, `"level":"`+tt.want+`"`) || strings.Count(log, "\n") != 1 {
				t.Errorf("%s: log = %s, want one line at %s", name, log, tt.want)
			}
		})
	}
}

func TestN257_PanicHitsOneCallOnly(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		tr.script.exchange = func(_ context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			if req.GetCode() == "bad" {
				panic("canary")
			}
			return &tokenv1.ExchangeResponse{}, nil
		}
		client := tr.tokens()
		_, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{Code: "bad"})
		if !errors.Is(err, oauth.ServerError) || strings.Contains(err.Error(), "canary") {
			t.Errorf("error = %v, want server_error without the panic's text", err)
		}
		if _, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{Code: "good"}); err != nil {
			t.Errorf("the next call: %v", err)
		}
		log := tr.log.String()
		if !strings.Contains(log, "canary") || !strings.Contains(log, "chain_test.go") || strings.Contains(log, "call refused") {
			t.Errorf("log = %s, want the panic with its stack, once", log)
		}
	})
}

// The list is recovery, telemetry, errors, deadline, caller identity, validation.
// What can be seen of it is who is heard first.
func TestOrderOfInterceptors(t *testing.T) {
	wrong := &directoryv1.GetSubjectRequest{Sub: strings.Repeat("s", 257)}
	onEach(t, func(t *testing.T, tr *transport) {
		tr.script.getSubject = func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			t.Error("the method runs")
			return &directoryv1.GetSubjectResponse{}, nil
		}
		if _, err := tr.directory("stranger").GetSubject(t.Context(), wrong); !errors.Is(err, fault.Denied) {
			t.Errorf("a stranger's wrong request: %v, want denied", err)
		}
		if _, err := tr.directory("token").GetSubject(t.Context(), wrong); !errors.Is(err, fault.Invalid) {
			t.Errorf("a caller's wrong request: %v, want invalid", err)
		}
		if got := strings.Count(tr.log.String(), `"msg":"call refused"`); got != 2 {
			t.Errorf("%d of 2 refusals are logged", got)
		}
		tr.script.getSubject = func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			panic("p")
		}
		if _, err := tr.directory("token").GetSubject(t.Context(), &directoryv1.GetSubjectRequest{}); !errors.Is(err, oauth.ServerError) {
			t.Errorf("panic: %v, want server_error", err)
		}
		if got := len(tr.spans.GetSpans()); got != 3 {
			t.Errorf("%d spans for 3 calls: one that panics ends its span too", got)
		}
	})
}

func TestSpanHasTheMethodAndNothingOfTheRequest(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			return &tokenv1.ExchangeResponse{}, nil
		}
		if _, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{ClientSecret: "canary"}); err != nil {
			t.Fatal(err)
		}
		spans := tr.spans.GetSpans()
		if len(spans) != 1 || spans[0].Name != tokenv1.TokenService_Exchange_FullMethodName || len(spans[0].Attributes) != 0 {
			t.Errorf("spans = %+v, want one, with the method's name and no attributes", spans)
		}
	})
}

func TestViolationReadsAsItsCallersExpect(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		tr.script.getSubject = func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			return &directoryv1.GetSubjectResponse{}, nil
		}
		client := tr.directory("token")
		for length, want := range map[int]error{256: nil, 257: fault.Invalid} {
			_, err := client.GetSubject(t.Context(), &directoryv1.GetSubjectRequest{Sub: strings.Repeat("s", length)})
			if !errors.Is(err, want) {
				t.Errorf("sub of %d: %v, want %v", length, err, want)
			}
			if err != nil && !strings.Contains(err.Error(), "sub: ") {
				t.Errorf("error %q does not name the field", err)
			}
		}
	})
}

func TestN265_DeadlineIsTheNearerOne(t *testing.T) {
	const limit = time.Hour
	asks := map[string]struct {
		caller, least, most time.Duration
	}{
		"none":    {0, limit - time.Minute, limit},
		"sooner":  {10 * time.Minute, 9 * time.Minute, 10 * time.Minute},
		"later":   {24 * time.Hour, limit - time.Minute, limit},
		"no time": {time.Nanosecond, 0, 0},
	}
	for name, tt := range asks {
		onEach(t, func(t *testing.T, tr *transport) {
			ran := false
			tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
				ran = true
				end, ok := ctx.Deadline()
				if left := time.Until(end); !ok || left < tt.least || left > tt.most {
					t.Errorf("%s: %v are left (%v), want %v to %v", name, left, ok, tt.least, tt.most)
				}
				return &tokenv1.ExchangeResponse{}, nil
			}
			ctx := t.Context()
			if tt.caller > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.caller)
				defer cancel()
			}
			_, err := tr.tokens().Exchange(ctx, &tokenv1.ExchangeRequest{})
			if late := tt.most == 0; late == ran || late != errors.Is(err, oauth.TemporarilyUnavailable) {
				t.Errorf("%s: ran is %v, error = %v", name, ran, err)
			}
		}, func(o *grpcserve.Options) { o.Deadline = limit })
	}
}

func TestN265_MethodThatTakesTooLongIsUnavailable(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if _, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{}); !errors.Is(err, oauth.TemporarilyUnavailable) {
			t.Errorf("error = %v, want temporarily_unavailable", err)
		}
	}, func(o *grpcserve.Options) { o.Deadline = 20 * time.Millisecond })
}

func TestMessagesAreCopied(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		var held *tokenv1.ExchangeRequest
		kept := &tokenv1.ExchangeResponse{AccessToken: "kept"}
		tr.script.exchange = func(_ context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			held = req
			return kept, nil
		}
		req := &tokenv1.ExchangeRequest{Resource: []string{"one"}}
		resp, err := tr.tokens().Exchange(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		req.Resource[0], resp.AccessToken = "changed", "changed"
		if held.GetResource()[0] != "one" || kept.GetAccessToken() != "kept" {
			t.Errorf("the service holds %v and %v: the caller can change them", held, kept)
		}
	})
}

func TestHeadersArrive(t *testing.T) {
	for name, fails := range map[string]error{"with a response": nil, "with an error": oauth.Refuse(oauth.InvalidGrant, "no")} {
		onEach(t, func(t *testing.T, tr *transport) {
			tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
				err := errors.Join(grpc.SetHeader(ctx, metadata.Pairs("x-one", "1")), grpc.SetHeader(ctx, metadata.Pairs("x-two", "2")))
				return &tokenv1.ExchangeResponse{}, errors.Join(err, fails)
			}
			var header metadata.MD
			_, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{}, grpc.Header(&header))
			if (err == nil) != (fails == nil) {
				t.Fatal(err)
			}
			if got := strings.Join(append(header.Get("x-one"), header.Get("x-two")...), ","); got != "1,2" {
				t.Errorf("%s: headers = %v, want both", name, header)
			}
		})
	}
}

func TestN261_MetadataDoesNotGoOnByItself(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		var first, second metadata.MD
		tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			first, _ = metadata.FromIncomingContext(ctx)
			_, err := tr.directory("token").GetSubject(ctx, &directoryv1.GetSubjectRequest{})
			return &tokenv1.ExchangeResponse{}, err
		}
		tr.script.getSubject = func(ctx context.Context, _ *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			second, _ = metadata.FromIncomingContext(ctx)
			return &directoryv1.GetSubjectResponse{}, nil
		}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer canary")
		if _, err := tr.tokens().Exchange(ctx, &tokenv1.ExchangeRequest{}); err != nil {
			t.Fatal(err)
		}
		if got := first.Get("authorization"); len(got) != 1 || got[0] != "Bearer canary" {
			t.Errorf("the first service sees %v", first)
		}
		if got := second.Get("authorization"); len(got) != 0 {
			t.Errorf("the second service sees %v", got)
		}
	})
}
