package resourceserver_test

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// An API over HTTP. That the token has the scope is checked before the handler runs,
// that it holds in this workspace in it.
func Example() {
	conn, err := grpc.NewClient("dns:///chancery.example.com:9090", grpc.WithTransportCredentials(credentials.NewTLS(nil)))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	checker := resourceserver.NewIntrospector(conn, resourceserver.Credentials{
		ClientID: os.Getenv("CLIENT_ID"), ClientSecret: secret.Wrap(os.Getenv("CLIENT_SECRET")),
	})
	guard := resourceserver.New(checker, resourceserver.Config{Realm: "https://api.example.com", Now: time.Now})

	mux := http.NewServeMux()
	mux.Handle("POST /v1/workspaces/{workspace}/images", guard.Require("image:create")(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			access, _ := resourceserver.AccessFrom(r.Context())
			workspace := r.PathValue("workspace")
			switch {
			case access.RoleIn(workspace) == role.None: // not shared: as if it were not there
				http.NotFound(w, r)
			case !access.WorkspaceAllows(workspace, role.Member, "image:create"):
				http.Error(w, "this app may not add images here", http.StatusForbidden)
			default:
				fmt.Fprintln(w, "added for", access.Sub)
			}
		})))
}

// An API over gRPC. What is not in the table is closed.
func ExampleGuard_UnaryInterceptor() {
	var guard *resourceserver.Guard // made as for HTTP
	methods := resourceserver.Methods{
		"/grpc.health.v1.Health/Check":          {Public: true},
		"/images.v1.ImageService/GetImage":      {Scope: oauth.Scope{"image:read"}},
		"/images.v1.ImageService/CreateImage":   {Scope: oauth.Scope{"image:create"}},
		"/images.v1.ImageService/WatchImages":   {Scope: oauth.Scope{"image:read"}},
		"/images.v1.ImageService/GetMyWorkload": {}, // any good token
	}
	grpc.NewServer(
		grpc.ChainUnaryInterceptor(guard.UnaryInterceptor(methods)),
		grpc.ChainStreamInterceptor(guard.StreamInterceptor(methods)),
	)
}

// What a handler decides. The token has image:create for one workspace only.
func ExampleAccess_WorkspaceAllows() {
	access := &resourceserver.Access{
		Sub: "u1", Scope: oauth.Scope{"image:read", "image:create"},
		Workspaces: []resourceserver.Resource{
			{ID: "alpha", Role: role.Member},
			{ID: "beta", Role: role.Viewer, Scope: oauth.Scope{"image:read"}},
		},
	}
	for _, workspace := range []string{"alpha", "beta", "gamma"} {
		fmt.Println(workspace,
			access.WorkspaceAllows(workspace, role.Viewer, "image:read"),
			access.WorkspaceAllows(workspace, role.Viewer, "image:create"))
	}
	// Output:
	// alpha true true
	// beta true false
	// gamma false false
}

// What a handler knows of the token.
func ExampleAccess() {
	access := &resourceserver.Access{
		Sub: "u1", Scope: oauth.Scope{"image:read"},
		Workspaces: []resourceserver.Resource{{ID: "w1", Role: role.Viewer}},
	}
	fmt.Println(access.HasScope("image:read"), access.HasScope("image:read", "image:create"))
	fmt.Println(access.RoleIn("w1"), access.RoleIn("w2"), access.RoleIn("w1") >= role.Member)
	// Output:
	// true false
	// viewer none false
}
