package admin

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// initialTokenCommands are "chancery client initial-token …" (RFC 7591 §3).
type initialTokenCommands struct {
	Create initialTokenCreate `cmd:"" help:"Make a token with which clients register themselves. Prints it this once."`
	List   initialTokenList   `cmd:"" help:"List the tokens that are still good, without the tokens themselves."`
	Revoke initialTokenRevoke `cmd:"" help:"End one token. Clients that registered with it stay."`
}

type initialTokenCreate struct {
	flags
	Lifetime time.Duration `help:"How long it is good, at most 8760h." default:"720h" placeholder:"720h"`
}

// Run implements the command.
func (c *initialTokenCreate) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := registryv1.NewRegistryServiceClient(c).CreateInitialAccessToken(ctx, &registryv1.CreateInitialAccessTokenRequest{Lifetime: durationpb.New(c.Lifetime)})
	if err != nil {
		return err
	}
	token := resp.GetToken()
	if c.JSON {
		return terminal.JSON(s.Out, struct {
			TokenID            string `json:"token_id"`
			InitialAccessToken string `json:"initial_access_token"`
			ExpireTime         string `json:"expire_time"`
		}{token.GetTokenId(), resp.GetInitialAccessToken(), timeText(token.GetExpireTime())})
	}
	fmt.Fprintf(s.Out, "token_id              %s\ninitial_access_token  %s\nexpire_time           %s\n\nThe token is not shown again.\n",
		token.GetTokenId(), resp.GetInitialAccessToken(), timeText(token.GetExpireTime()))
	return nil
}

type initialTokenList struct{ flags }

// Run implements the command.
func (c *initialTokenList) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := registryv1.NewRegistryServiceClient(c).ListInitialAccessTokens(ctx, &registryv1.ListInitialAccessTokensRequest{})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "tokens", "TOKEN_ID HINT CREATED EXPIRES", resp.GetTokens(), func(each *registryv1.InitialAccessToken) []string {
		return []string{each.GetTokenId(), "…" + each.GetHint(), timeText(each.GetCreateTime()), timeText(each.GetExpireTime())}
	})
}

type initialTokenRevoke struct {
	flags
	TokenID string `arg:""`
}

// Run implements the command.
func (c *initialTokenRevoke) Run(ctx context.Context, s terminal.Streams) error {
	_, err := registryv1.NewRegistryServiceClient(c).RevokeInitialAccessToken(ctx, &registryv1.RevokeInitialAccessTokenRequest{TokenId: c.TokenID})
	return c.done(s, "revoked", c.TokenID, err)
}
