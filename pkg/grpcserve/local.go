package grpcserve

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// Local joins services within one process. It is a grpc.ServiceRegistrar: what
// is registered can be called through [Local.Conn], with the interceptors and
// without a network.
//
// Register everything before the first call; after that it is safe for
// concurrent use.
type Local struct {
	methods     map[string]localMethod
	interceptor grpc.UnaryServerInterceptor
}

type localMethod struct {
	service any
	handler grpc.MethodHandler
}

// NewLocal returns a Local without services.
func NewLocal(o Options) (*Local, error) {
	interceptor, err := chain(o)
	if err != nil {
		return nil, err
	}
	return &Local{methods: make(map[string]localMethod), interceptor: interceptor}, nil
}

// RegisterService implements grpc.ServiceRegistrar for unary methods.
func (l *Local) RegisterService(desc *grpc.ServiceDesc, service any) {
	for _, m := range desc.Methods {
		l.methods["/"+desc.ServiceName+"/"+m.MethodName] = localMethod{service, m.Handler}
	}
}

// Conn returns a connection on which every call is the named caller's. Its
// errors are refusals again: see rpcerr.
func (l *Local) Conn(caller Caller) grpc.ClientConnInterface { return localConn{l, caller} }

type localConn struct {
	local  *Local
	caller Caller
}

// Invoke implements grpc.ClientConnInterface. Messages are copied on both ways,
// so that neither side can change what the other one holds.
func (c localConn) Invoke(ctx context.Context, method string, req, reply any, opts ...grpc.CallOption) error {
	m, ok := c.local.methods[method]
	if !ok {
		return rpcerr.FromStatus(unimplemented(method))
	}
	if err := ctx.Err(); err != nil {
		return rpcerr.FromStatus(rpcerr.ToStatus(err).Err())
	}
	stream := &localStream{method: method}
	resp, err := m.handler(m.service, c.incoming(ctx, stream), decoder(req), c.local.interceptor)
	stream.hand(opts)
	if err != nil {
		return rpcerr.FromStatus(err)
	}
	return copyMessage(reply, resp)
}

// NewStream implements grpc.ClientConnInterface.
func (localConn) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, fmt.Errorf("%s is a stream, which a connection within the process does not carry", method)
}

// incoming is ctx as the other side of a network would see it: what went out as
// metadata comes in, and nothing goes on by itself.
func (c localConn) incoming(ctx context.Context, stream grpc.ServerTransportStream) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx)
	ctx = metadata.NewOutgoingContext(ctx, nil)
	ctx = metadata.NewIncomingContext(ctx, md.Copy())
	ctx = grpc.NewContextWithServerTransportStream(ctx, stream)
	return withCaller(ctx, c.caller)
}

// decoder gives the handler a copy of the request.
func decoder(req any) func(any) error {
	return func(into any) error { return copyMessage(into, req) }
}

func copyMessage(to, from any) error {
	dst, ok := to.(proto.Message)
	src, ok2 := from.(proto.Message)
	if !ok || !ok2 {
		return errors.New("not a protobuf message")
	}
	proto.Reset(dst)
	proto.Merge(dst, src)
	return nil
}

// localStream keeps the headers that a handler sets.
type localStream struct {
	method string
	header metadata.MD
}

func (s *localStream) Method() string { return s.method }

func (s *localStream) SetHeader(md metadata.MD) error {
	s.header = metadata.Join(s.header, md)
	return nil
}

func (s *localStream) SendHeader(md metadata.MD) error { return s.SetHeader(md) }

func (*localStream) SetTrailer(metadata.MD) error { return nil }

// hand gives the headers to the caller who asked for them.
func (s *localStream) hand(opts []grpc.CallOption) {
	for _, o := range opts {
		if h, ok := o.(grpc.HeaderCallOption); ok {
			*h.HeaderAddr = s.header
		}
	}
}
