package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// Bearer presents the admin credential with every call.
type Bearer struct{ Credential secret.Secret }

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b Bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.Credential.Reveal()}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. The server
// is on this machine unless --server says otherwise.
func (Bearer) RequireTransportSecurity() bool { return false }

// IdentifyAdmin returns a function that names a caller: admin for who presents the
// credential, and nobody otherwise.
func IdentifyAdmin(credential secret.Secret) func(context.Context) []grpcserve.Caller {
	want := credential.Digest()
	return func(ctx context.Context) []grpcserve.Caller {
		md, _ := metadata.FromIncomingContext(ctx)
		values := md.Get("authorization")
		if len(values) != 1 {
			return nil
		}
		presented, ok := strings.CutPrefix(values[0], "Bearer ")
		if !ok || !secret.DigestOf(presented).Equal(want) {
			return nil
		}
		return []grpcserve.Caller{grpcserve.Admin}
	}
}

// OpenCredential reads the admin credential, and makes it when there is none.
func (d Folder) OpenCredential() (secret.Secret, error) {
	content, err := os.ReadFile(d.CredentialFile())
	if err == nil {
		return secret.Wrap(strings.TrimSpace(string(content))), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return secret.Secret{}, fmt.Errorf("read the admin credential: %w", err)
	}
	credential := secret.New("chad")
	if err := os.WriteFile(d.CredentialFile(), []byte(credential.Reveal()+"\n"), 0o600); err != nil {
		return secret.Secret{}, fmt.Errorf("write the admin credential: %w", err)
	}
	return credential, nil
}
