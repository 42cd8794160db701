package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// secretCommands are "chancery client secret …".
type secretCommands struct {
	Create secretCreate `cmd:"" help:"Add a secret; earlier ones stay valid. Prints it this once."`
	List   secretList   `cmd:"" help:"List a client's secrets, without the secrets themselves."`
	Revoke secretRevoke `cmd:"" help:"End one secret."`
}

type secretCreate struct {
	flags
	ClientID string `arg:""`
}

// Run implements the command.
func (c *secretCreate) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := registryv1.NewRegistryServiceClient(c).CreateSecret(ctx, &registryv1.CreateSecretRequest{ClientId: c.ClientID})
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.JSON(s.Out, struct {
			SecretID     string `json:"secret_id"`
			ClientSecret string `json:"client_secret"`
		}{resp.GetSecretId(), resp.GetClientSecret()})
	}
	fmt.Fprintf(s.Out, "secret_id      %s\nclient_secret  %s\n\nThe secret is not shown again.\n", resp.GetSecretId(), resp.GetClientSecret())
	return nil
}

type secretList struct {
	flags
	ClientID string `arg:""`
}

// Run implements the command.
func (c *secretList) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := registryv1.NewRegistryServiceClient(c).ListSecrets(ctx, &registryv1.ListSecretsRequest{ClientId: c.ClientID})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "secrets", "SECRET_ID HINT CREATED", resp.GetSecrets(), func(each *registryv1.Secret) []string {
		return []string{each.GetSecretId(), "…" + each.GetHint(), each.GetCreateTime().AsTime().Format(time.RFC3339)}
	})
}

type secretRevoke struct {
	flags
	ClientID string `arg:""`
	SecretID string `arg:""`
}

// Run implements the command.
func (c *secretRevoke) Run(ctx context.Context, s terminal.Streams) error {
	_, err := registryv1.NewRegistryServiceClient(c).RevokeSecret(ctx, &registryv1.RevokeSecretRequest{ClientId: c.ClientID, SecretId: c.SecretID})
	return c.done(s, "revoked", c.SecretID, err)
}
