package grpcserve

import (
	"context"
	"strings"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// Route returns a connection that sends each call to the one of its area: token
// for the methods of chancery.token.v1. A call of an area that has none fails as
// one of a method that nobody has.
func Route(byArea map[string]grpc.ClientConnInterface) grpc.ClientConnInterface { return route(byArea) }

type route map[string]grpc.ClientConnInterface

// Invoke implements grpc.ClientConnInterface.
func (r route) Invoke(ctx context.Context, method string, req, reply any, opts ...grpc.CallOption) error {
	conn, ok := r[areaOf(method)]
	if !ok {
		return rpcerr.FromStatus(unimplemented(method))
	}
	return conn.Invoke(ctx, method, req, reply, opts...)
}

// NewStream implements grpc.ClientConnInterface.
func (r route) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	conn, ok := r[areaOf(method)]
	if !ok {
		return nil, rpcerr.FromStatus(unimplemented(method))
	}
	return conn.NewStream(ctx, desc, method, opts...)
}

// areaOf is the area of a method: token for /chancery.token.v1.TokenService/Revoke,
// and empty for what is none of ours.
func areaOf(fullMethod string) string {
	rest, ours := strings.CutPrefix(fullMethod, "/chancery.")
	if !ours {
		return ""
	}
	area, _, _ := strings.Cut(rest, ".")
	return area
}
