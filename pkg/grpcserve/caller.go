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

// callers refuses a call whose caller the method does not name. A call within
// the process has its caller in the context; one from outside is identified.
func callers(identify func(context.Context) Caller) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		caller, inside := CallerOf(ctx)
		if !inside && identify != nil {
			caller = identify(ctx)
		}
		if !mayCall(info.FullMethod, Anyone) && !mayCall(info.FullMethod, caller) {
			return nil, fault.New(fault.Denied, "this caller may not use this method: an administrative call needs the admin credential")
		}
		return handler(withCaller(ctx, caller), req)
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
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			if !strings.HasPrefix(string(service.FullName()), "chancery.") {
				continue
			}
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				names, _ := proto.GetExtension(method.Options(), accessv1.E_Callers).([]string)
				all["/"+string(service.FullName())+"/"+string(method.Name())] = names
			}
		}
		return true
	})
	return all
}

// unimplemented is what a method answers that nobody registered.
func unimplemented(method string) error {
	return status.Errorf(codes.Unimplemented, "unknown method %s", method)
}
