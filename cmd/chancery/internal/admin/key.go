package admin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// Key are "chancery key …".
type Key struct {
	List   keyList   `cmd:"" help:"List keys, without their secret parts."`
	Rotate keyRotate `cmd:"" help:"Make the next key. It is published now, and used once every replica and relying party must have seen it."`
	Retire keyRetire `cmd:"" help:"End a key that is no longer used, for one that has leaked. What it sealed or signed is dead at once."`
}

type keyList struct{ flags }

// Run implements the command.
func (c *keyList) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := tokenv1.NewTokenServiceClient(c).ListKeys(ctx, &tokenv1.ListKeysRequest{})
	if err != nil {
		return err
	}
	return c.printKeys(s, resp.GetKeys())
}

type keyRotate struct {
	flags
	Purpose string `help:"seal, RS256 or ES256. Default: every purpose." placeholder:"PURPOSE"`
	AtOnce  bool   `help:"For one that has leaked: use the next key now if there is one, or else a new one without publishing it first. Relying parties may refuse ID tokens until they fetch the key set again."`
}

// Run implements the command.
func (c *keyRotate) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := tokenv1.NewTokenServiceClient(c).RotateKeys(ctx, &tokenv1.RotateKeysRequest{Purpose: c.Purpose, AtOnce: c.AtOnce})
	if err != nil {
		return err
	}
	if err := c.printKeys(s, resp.GetKeys()); err != nil {
		return err
	}
	if c.AtOnce && c.Purpose != "seal" {
		fmt.Fprintln(s.Err, "Relying parties that keep the key set may refuse ID tokens until they fetch it again.")
	}
	if c.AtOnce {
		fmt.Fprintln(s.Err, "The former key still opens what it sealed or signed. If it has leaked: chancery key retire KEY_ID")
	}
	return nil
}

type keyRetire struct {
	flags
	KeyID string `arg:"" help:"Id of the key, as 'chancery key list' shows it."`
}

// Run implements the command.
func (c *keyRetire) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := tokenv1.NewTokenServiceClient(c).RetireKey(ctx, &tokenv1.RetireKeyRequest{KeyId: c.KeyID})
	if err != nil {
		return err
	}
	return c.printKeys(s, []*tokenv1.Key{resp.GetKey()})
}

func (a *flags) printKeys(s terminal.Streams, keys []*tokenv1.Key) error {
	return terminal.List(s.To(a.JSON), "keys", "KEY_ID PURPOSE STATE ACTIVE_SINCE EXPIRES", keys, func(k *tokenv1.Key) []string {
		state := strings.ToLower(strings.TrimPrefix(k.GetState().String(), "KEY_STATE_"))
		return []string{k.GetKeyId(), k.GetPurpose(), state, instant(k.GetActivateTime()), instant(k.GetExpireTime())}
	})
}

// instant is t for a table; a dash for none.
func instant(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return t.AsTime().Format(time.RFC3339)
}
