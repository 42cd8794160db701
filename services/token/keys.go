package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/fault"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/ring"
)

// maxKeySetAge bounds how long anybody keeps the key set.
const maxKeySetAge = 5 * time.Minute

// GetJwks implements TokenService. Its one extension is a duration: for how long
// the key set may be kept.
func (s *Service) GetJwks(ctx context.Context, _ *tokenv1.GetJwksRequest) (*httpbody.HttpBody, error) {
	document, age := s.keys.Document(ctx)
	keep, err := anypb.New(durationpb.New(s.cfg.Keys.keySetAge(age)))
	if err != nil {
		return nil, fmt.Errorf("say for how long the key set may be kept: %w", err)
	}
	return &httpbody.HttpBody{ContentType: "application/json", Data: document, Extensions: []*anypb.Any{keep}}, nil
}

// keySetAge is how long a key set may be kept that was read so long ago: less
// than the time for which the next key is published before it signs. A replica
// that cannot read the keys any more may lack the next one already.
func (k Keys) keySetAge(age time.Duration) time.Duration {
	if age > k.PublishLead/2 {
		return 0
	}
	return min(k.PublishLead/2, maxKeySetAge)
}

// GetKeySet implements TokenService. Who asks has met a key that it does not
// know, so the answer comes from the database: without the newest key it would
// call a good token unknown.
func (s *Service) GetKeySet(ctx context.Context, _ *tokenv1.GetKeySetRequest) (*tokenv1.GetKeySetResponse, error) {
	if err := s.keys.Refresh(ctx); err != nil {
		return nil, err
	}
	keys, primary := s.keys.Sealing()
	resp := &tokenv1.GetKeySetResponse{PrimaryKeyId: primary}
	for _, k := range keys {
		resp.Keys = append(resp.Keys, &tokenv1.GetKeySetResponse_SealingKey{KeyId: k.ID, Root: k.Root[:]})
	}
	return resp, nil
}

// ListKeys implements TokenService.
func (s *Service) ListKeys(ctx context.Context, _ *tokenv1.ListKeysRequest) (*tokenv1.ListKeysResponse, error) {
	if err := s.keys.Refresh(ctx); err != nil {
		return nil, err
	}
	keys, retired := s.keys.List()
	resp := &tokenv1.ListKeysResponse{}
	for _, k := range keys {
		resp.Keys = append(resp.Keys, keyOf(k))
	}
	for _, r := range retired {
		resp.Keys = append(resp.Keys, retiredKeyOf(r))
	}
	slices.SortStableFunc(resp.Keys, func(a, b *tokenv1.Key) int {
		return b.GetCreateTime().AsTime().Compare(a.GetCreateTime().AsTime())
	})
	return resp, nil
}

// RotateKeys implements TokenService.
func (s *Service) RotateKeys(ctx context.Context, req *tokenv1.RotateKeysRequest) (*tokenv1.RotateKeysResponse, error) {
	purposes := key.Purposes()
	if req.GetPurpose() != "" {
		p := key.Purpose(req.GetPurpose())
		if !slices.Contains(purposes, p) {
			return nil, fault.New(fault.Invalid, "purpose must be seal, RS256 or ES256")
		}
		purposes = []key.Purpose{p}
	}
	lead := s.cfg.Keys.PublishLead
	if req.GetAtOnce() {
		lead = 0
	}
	made, err := s.vault.Rotate(ctx, lead, purposes...)
	switch {
	case errors.Is(err, key.ErrHasNext) && req.GetAtOnce():
		return nil, fault.Because(fault.Conflict, "the keys were rotated meanwhile: list the keys", err)
	case errors.Is(err, key.ErrHasNext):
		return nil, fault.Because(fault.Conflict, "the next key is there already: wait until it is active, or use it at once", err)
	case err != nil:
		return nil, err
	}
	s.refreshAfterCommit(ctx)
	resp := &tokenv1.RotateKeysResponse{}
	for _, k := range made {
		state := key.Next
		if lead <= 0 {
			state = key.Active
		}
		resp.Keys = append(resp.Keys, keyOf(ring.Listed{Key: k, State: state}))
	}
	return resp, nil
}

// refreshAfterCommit reads the keys after a change of them. When it fails the
// change stands, and Run reads them.
func (s *Service) refreshAfterCommit(ctx context.Context) {
	if err := s.keys.Refresh(ctx); err != nil {
		s.Wake()
	}
}

// RetireKey implements TokenService. It answers once this replica has forgotten
// the key; the restriction ends its tokens everywhere.
func (s *Service) RetireKey(ctx context.Context, req *tokenv1.RetireKeyRequest) (*tokenv1.RetireKeyResponse, error) {
	retired, err := s.vault.Retire(ctx, req.GetKeyId())
	switch {
	case errors.Is(err, key.ErrNotFound):
		return nil, fault.Because(fault.NotFound, "there is no such key", err)
	case errors.Is(err, key.ErrInUse):
		return nil, fault.Because(fault.Conflict, "the key is in use, or will be: rotate first", err)
	case err != nil:
		return nil, err
	}
	if err := s.keys.Refresh(ctx); err != nil {
		return nil, err
	}
	return &tokenv1.RetireKeyResponse{Key: retiredKeyOf(retired)}, nil
}

func keyOf(k ring.Listed) *tokenv1.Key {
	states := map[key.State]tokenv1.KeyState{
		key.Next:   tokenv1.KeyState_KEY_STATE_NEXT,
		key.Active: tokenv1.KeyState_KEY_STATE_ACTIVE,
		key.Former: tokenv1.KeyState_KEY_STATE_FORMER,
	}
	m := &tokenv1.Key{
		KeyId: k.ID, Purpose: string(k.Purpose), State: states[k.State],
		CreateTime: timestamppb.New(k.CreateTime), ActivateTime: timestamppb.New(k.ActivateTime),
	}
	if !k.ExpireTime.IsZero() {
		m.ExpireTime = timestamppb.New(k.ExpireTime)
	}
	return m
}

func retiredKeyOf(r key.Retired) *tokenv1.Key {
	return &tokenv1.Key{
		KeyId: r.ID, Purpose: string(r.Purpose), State: tokenv1.KeyState_KEY_STATE_RETIRED,
		CreateTime: timestamppb.New(r.CreateTime), ActivateTime: timestamppb.New(r.ActivateTime), ExpireTime: timestamppb.New(r.ExpireTime),
	}
}
