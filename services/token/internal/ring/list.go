package ring

import (
	"context"
	"slices"
	"time"

	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// documentPatience is how long the published keys wait for a read.
const documentPatience = 250 * time.Millisecond

// Document returns the public signing keys as a JWK Set (RFC 7517 §5), and how
// old it is. It comes from memory when the keys cannot be read.
func (r *Ring) Document(ctx context.Context) (document []byte, age time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, documentPatience)
	defer cancel()
	_ = r.freshen(ctx) // The age tells.
	v := r.current()
	return v.signing.document, r.cfg.Now().Sub(v.began)
}

// Sealing returns the sealing keys, and the id of the active one.
func (r *Ring) Sealing() (keys []seal.Key, primary uint32) {
	v := r.current()
	return v.sealing(), v.sealer.Primary()
}

// Listed is a key and the state it is in.
type Listed struct {
	key.Key
	State key.State
}

// List returns the keys, and what is left of those that were retired, each with
// the newest first.
func (r *Ring) List() ([]Listed, []key.Retired) {
	v := r.current()
	var keys []Listed
	for i, k := range v.contents.Keys {
		keys = append(keys, Listed{k, v.states[i]})
	}
	slices.SortStableFunc(keys, func(a, b Listed) int { return b.CreateTime.Compare(a.CreateTime) })
	retired := slices.Clone(v.contents.Retired)
	slices.SortStableFunc(retired, func(a, b key.Retired) int { return b.CreateTime.Compare(a.CreateTime) })
	return keys, retired
}

// Ages returns for how long the active key of each purpose has been in use.
// Without keys there are none.
func (r *Ring) Ages() map[key.Purpose]time.Duration {
	ages := make(map[key.Purpose]time.Duration)
	if !r.Loaded() {
		return ages
	}
	v := r.current()
	now := v.databaseTime(r.cfg.Now())
	for _, p := range key.Purposes() {
		ages[p] = max(0, now.Sub(v.active(p).ActivateTime))
	}
	return ages
}

// Due returns the active keys that are in use for that long, and have no
// successor yet.
func (r *Ring) Due(age time.Duration) []key.Name {
	v := r.current()
	now := v.databaseTime(r.cfg.Now())
	var due []key.Name
	for _, p := range key.Purposes() {
		active := v.active(p)
		hasNext := slices.ContainsFunc(v.contents.Keys, func(k key.Key) bool {
			return k.Purpose == p && k.Generation > active.Generation
		})
		if !hasNext && now.Sub(active.ActivateTime) >= age {
			due = append(due, active.Name())
		}
	}
	return due
}
