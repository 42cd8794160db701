package grpcserve_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	accessv1 "github.com/chancery-auth/chancery/proto/chancery/access/v1"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// everyService registers all contracts. A call that gets through is told that
// the method is not there.
func everyService(r grpc.ServiceRegistrar) {
	authorizev1.RegisterAuthorizeServiceServer(r, authorizev1.UnimplementedAuthorizeServiceServer{})
	consentv1.RegisterConsentServiceServer(r, consentv1.UnimplementedConsentServiceServer{})
	directoryv1.RegisterDirectoryServiceServer(r, directoryv1.UnimplementedDirectoryServiceServer{})
	introspectionv1.RegisterIntrospectionServiceServer(r, introspectionv1.UnimplementedIntrospectionServiceServer{})
	registryv1.RegisterRegistryServiceServer(r, registryv1.UnimplementedRegistryServiceServer{})
	registryv1.RegisterDeveloperServiceServer(r, registryv1.UnimplementedDeveloperServiceServer{})
	registryv1.RegisterRegistrationServiceServer(r, registryv1.UnimplementedRegistrationServiceServer{})
	tokenv1.RegisterTokenServiceServer(r, tokenv1.UnimplementedTokenServiceServer{})
}

// methods are those of all contracts.
func methods(t *testing.T) []protoreflect.MethodDescriptor {
	t.Helper()
	var list []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			if s := f.Services().Get(i); strings.HasPrefix(string(s.FullName()), "chancery.") {
				for j := range s.Methods().Len() {
					list = append(list, s.Methods().Get(j))
				}
			}
		}
		return true
	})
	if len(list) < 40 {
		t.Fatalf("only %d methods are known", len(list))
	}
	return list
}

// call calls m with an empty request.
func call(t *testing.T, conn grpc.ClientConnInterface, m protoreflect.MethodDescriptor) error {
	t.Helper()
	return conn.Invoke(t.Context(), "/"+string(m.Parent().FullName())+"/"+string(m.Name()), message(t, m.Input()), message(t, m.Output()))
}

func message(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

func quiet() grpcserve.Options {
	return grpcserve.Options{Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""), Identify: byHeader}
}

func TestN259_EachMethodIsOpenToTheCallersItNames(t *testing.T) {
	local, err := grpcserve.NewLocal(quiet())
	if err != nil {
		t.Fatal(err)
	}
	everyService(local)
	server, err := grpcserve.NewServer(quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	everyService(server)
	address, _ := serve(t, server)
	everybody := []grpcserve.Caller{
		"gateway", "authorize", "token", "consent", "introspection", "registry", "directory", grpcserve.Admin,
		"", "stranger", "Admin", "gateway ",
	}
	for _, caller := range everybody {
		conns := map[string]grpc.ClientConnInterface{"local": local.Conn(caller), "network": dial(t, address, caller)}
		for _, m := range methods(t) {
			names, _ := proto.GetExtension(m.Options(), accessv1.E_Callers).([]string)
			may := slices.Contains(names, string(caller)) || slices.Contains(names, "anyone")
			for transport, conn := range conns {
				err := call(t, conn, m)
				if err == nil || errors.Is(err, fault.Denied) == may {
					t.Errorf("%s: %q calls %s: %v, want it to be allowed: %v", transport, caller, m.FullName(), err, may)
				}
			}
		}
	}
}

// A contract without callers would be a method that nobody reaches; one that
// names nobody the system has is a spelling mistake.
func TestEveryMethodNamesItsCallers(t *testing.T) {
	known := []string{"anyone", "admin", "gateway", "authorize", "token", "consent", "introspection", "registry", "directory"}
	for _, m := range methods(t) {
		names, _ := proto.GetExtension(m.Options(), accessv1.E_Callers).([]string)
		if len(names) == 0 {
			t.Errorf("%s names no callers", m.FullName())
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("%s names the caller %q", m.FullName(), name)
			}
		}
	}
}

// unlisted is a service whose contract says nothing about callers.
func unlisted() *grpc.ServiceDesc {
	handler := func(_ any, ctx context.Context, decode func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
		req := &directoryv1.GetSubjectRequest{}
		if err := decode(req); err != nil {
			return nil, err
		}
		method := &grpc.UnaryServerInfo{FullMethod: "/chancery.test.v1.Service/Method"}
		return chain(ctx, req, method, func(context.Context, any) (any, error) { return &directoryv1.GetSubjectResponse{}, nil })
	}
	stream := func(any, grpc.ServerStream) error { return nil }
	return &grpc.ServiceDesc{
		ServiceName: "chancery.test.v1.Service", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Method", Handler: handler}},
		Streams: []grpc.StreamDesc{{StreamName: "Stream", Handler: stream, ServerStreams: true}},
	}
}

func TestN259_MethodThatListsNobodyIsClosed(t *testing.T) {
	local, err := grpcserve.NewLocal(quiet())
	if err != nil {
		t.Fatal(err)
	}
	local.RegisterService(unlisted(), struct{}{})
	server, err := grpcserve.NewServer(quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	server.RegisterService(unlisted(), struct{}{})
	address, _ := serve(t, server)
	for _, caller := range []grpcserve.Caller{"", grpcserve.Admin, grpcserve.Anyone, "gateway"} {
		for name, conn := range map[string]grpc.ClientConnInterface{"local": local.Conn(caller), "network": dial(t, address, caller)} {
			err := conn.Invoke(t.Context(), "/chancery.test.v1.Service/Method", &directoryv1.GetSubjectRequest{}, &directoryv1.GetSubjectResponse{})
			if !errors.Is(err, fault.Denied) {
				t.Errorf("%s: %q: %v, want denied", name, caller, err)
			}
			stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/chancery.test.v1.Service/Stream")
			if err == nil {
				err = stream.RecvMsg(&directoryv1.GetSubjectResponse{})
			}
			if err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%s: %q opens a stream", name, caller)
			}
		}
	}
}

func TestCallerWithinTheProcessIsNotTakenFromMetadata(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			// On behalf of nobody: that the gateway called this does not count further on.
			_, err := tr.directory("").GetSubject(ctx, &directoryv1.GetSubjectRequest{})
			return &tokenv1.ExchangeResponse{}, err
		}
		if _, err := tr.tokens().Exchange(t.Context(), &tokenv1.ExchangeRequest{}); !errors.Is(err, fault.Denied) {
			t.Errorf("error = %v, want denied", err)
		}
	})
}

func TestWithoutIdentifyTheNetworkIsNobody(t *testing.T) {
	options := quiet()
	options.Identify = nil
	server, err := grpcserve.NewServer(options, nil)
	if err != nil {
		t.Fatal(err)
	}
	everyService(server)
	address, _ := serve(t, server)
	conn := dial(t, address, grpcserve.Admin)
	if _, err := directoryv1.NewDirectoryServiceClient(conn).GetSubject(t.Context(), &directoryv1.GetSubjectRequest{}); !errors.Is(err, fault.Denied) {
		t.Errorf("error = %v, want denied", err)
	}
	if _, err := tokenv1.NewTokenServiceClient(conn).Exchange(t.Context(), &tokenv1.ExchangeRequest{}); errors.Is(err, fault.Denied) || !errors.Is(err, oauth.ServerError) {
		t.Errorf("error = %v, want a method for anyone to be reached", err)
	}
}
