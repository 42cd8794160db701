package grpcserve

import (
	"context"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/mtls"
	accessv1 "github.com/chancery-auth/chancery/proto/chancery/access/v1"
)

// Caller is who calls a method, in the words of the callers option of the
// contracts. The zero Caller is nobody in particular.
type Caller string

const (
	// Admin holds the admin credential.
	Admin Caller = "admin"
	// Anyone stands in a contract for callers that need be nobody in particular:
	// the request itself carries what authenticates it.
	Anyone Caller = "anyone"
	// Gateway is the HTTP edge.
	Gateway Caller = "gateway"
)

type callerKey struct{}

// CallerOf returns who calls, in a call that came through the interceptors. The
// empty caller is known to be nobody in particular.
func CallerOf(ctx context.Context) (c Caller, known bool) {
	c, known = ctx.Value(callerKey{}).(Caller)
	return c, known
}

// withCaller says who calls.
func withCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// ByCertificate identifies a caller by the names that its certificate has in
// domain. One without a certificate is nobody in particular.
func ByCertificate(domain string) func(context.Context) []Caller {
	return func(ctx context.Context) []Caller {
		names := mtls.PeerNames(ctx, domain)
		list := make([]Caller, len(names))
		for i, name := range names {
			list[i] = Caller(name)
		}
		return list
	}
}

// callers refuses a call whose caller the method does not name. A call within
// the process has its caller in the context; one from outside is identified.
func callers(identify func(context.Context) []Caller) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		var names []Caller
		if caller, inside := CallerOf(ctx); inside {
			names = []Caller{caller}
		} else if identify != nil {
			names = identify(ctx)
		}
		caller, may := admit(info.FullMethod, names)
		if !may {
			return nil, fault.New(fault.Denied, "this caller may not use this method: an administrative call needs the admin credential")
		}
		return handler(withCaller(ctx, caller), req)
	}
}

// admit decides which of a caller's names calls the method, and whether any may.
func admit(fullMethod string, names []Caller) (c Caller, may bool) {
	for _, name := range names {
		if mayCall(fullMethod, name) {
			return name, true
		}
	}
	switch {
	case !mayCall(fullMethod, Anyone):
		return "", false
	case slices.Contains(names, Gateway):
		// Of a process that is the edge and more, only the edge calls what is open
		// to anyone.
		return Gateway, true
	case len(names) > 0:
		return names[0], true
	default:
		return "", true
	}
}

// allowed remembers the callers option of each method that was asked for.
var allowed = sync.OnceValue(allCallers)

// mayCall reports whether the contract of the method names c.
func mayCall(fullMethod string, c Caller) bool {
	return c != "" && slices.Contains(allowed()[fullMethod], string(c))
}

// allCallers reads the callers option of every method of Chancery's contracts.
// A health check says nothing that a caller could not see by calling.
func allCallers() map[string][]string {
	all := map[string][]string{healthv1.Health_Check_FullMethodName: {string(Anyone)}}
	eachMethod(func(fullMethod string, m protoreflect.MethodDescriptor) {
		all[fullMethod], _ = proto.GetExtension(m.Options(), accessv1.E_Callers).([]string)
	})
	return all
}

// eachMethod visits the methods of Chancery's contracts.
func eachMethod(visit func(fullMethod string, m protoreflect.MethodDescriptor)) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			if !strings.HasPrefix(string(service.FullName()), "chancery.") {
				continue
			}
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				visit("/"+string(service.FullName())+"/"+string(method.Name()), method)
			}
		}
		return true
	})
}

// unimplemented is what a method answers that nobody registered.
func unimplemented(method string) error {
	return status.Errorf(codes.Unimplemented, "unknown method %s", method)
}
