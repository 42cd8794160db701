package grpcserve

import (
	"net/http"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
)

// Reflection answers, over HTTP/2, which methods s has and whether it is serving,
// and nothing else: for an internal port, whose server must take HTTP/2 without
// TLS (http.Protocols.SetUnencryptedHTTP2). s itself never answers the first.
// Its paths begin with /grpc.reflection.v1.ServerReflection/ and
// /grpc.health.v1.Health/.
func Reflection(s *Server) http.Handler {
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.StreamInterceptor(s.endWatch),
	)
	healthv1.RegisterHealthServer(server, s.health)
	reflectionv1.RegisterServerReflectionServer(server, reflection.NewServerV1(reflection.ServerOptions{Services: s}))
	return server
}
