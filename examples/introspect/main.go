// Command introspect is a platform API's side of Chancery in one page: it asks
// over gRPC whether a token is good, and for what.
//
//	introspect -server localhost:9090 -client-id … < token
//
// The client's secret comes from CLIENT_SECRET. The answer is printed as JSON,
// and the exit code is 0 for an active token, 1 for one that is not, 2 when there
// is no answer.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

func main() {
	server := flag.String("server", "localhost:9090", "gRPC `address` of Chancery")
	clientID := flag.String("client-id", "", "the API's own client `id`")
	flag.Parse()
	token, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	answer, err := introspect(*server, &introspectionv1.IntrospectRequest{
		Token:        strings.TrimSpace(string(token)),
		ClientId:     *clientID,
		ClientSecret: os.Getenv("CLIENT_SECRET"),
	})
	if err != nil {
		fail(err)
	}
	fmt.Println(protojson.MarshalOptions{UseProtoNames: true}.Format(answer))
	if !answer.GetActive() {
		os.Exit(1)
	}
}

// introspect asks once. A service keeps its connection, and asks on it for every
// request that it serves.
func introspect(server string, req *introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
	conn, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	answer, err := introspectionv1.NewIntrospectionServiceClient(conn).Introspect(ctx, req)
	if status.Code(err) == codes.Unavailable {
		// Chancery cannot be sure at this moment. Refuse the request, or try again:
		// the token is not known to be good.
		return nil, fmt.Errorf("no answer, try again: %w", err)
	}
	return answer, err
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "introspect:", err)
	os.Exit(2)
}
