package key

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
)

// Keys is where a [Vault] keeps keys: a [Store].
type Keys interface {
	List(ctx context.Context) (Listing, error)
	Create(ctx context.Context, p Purpose, id string, ciphertext []byte) error
	Rotate(ctx context.Context, next ...Successor) ([]Stored, error)
	Retire(ctx context.Context, n Name, restrictions ...coherent.Restriction) (Retired, error)
}

// Vault opens, makes and ends keys. It is safe for concurrent use.
type Vault struct {
	Keys Keys
	KEK  Encrypter
	// Generate makes the bytes of a new key.
	Generate func(Purpose) ([]byte, error)
	// Life is how long what a key of the purpose made can live.
	Life  map[Purpose]time.Duration
	Hints Publisher

	mu    sync.Mutex
	known []Key // what was there the last time, so that it is opened once
}

// maxGenerate is how often a key with the id of another is made again.
const maxGenerate = 5

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Contents are the keys at one moment.
type Contents struct {
	// Keys are by purpose and generation.
	Keys    []Key
	Retired []Retired
	// Time is the database's.
	Time time.Time
}

// Open returns the keys, and makes those of the first generation where there are
// none yet. Processes that start at once end up with the same keys.
func (v *Vault) Open(ctx context.Context) (Contents, error) {
	listing, err := v.list(ctx)
	if err != nil {
		return Contents{}, err
	}
	made := false
	for _, p := range Purposes() {
		if !has(listing.Keys, p) {
			made = true
			if err := v.create(ctx, p); err != nil {
				return Contents{}, err
			}
		}
	}
	if made {
		if listing, err = v.list(ctx); err != nil {
			return Contents{}, err
		}
	}
	keys, err := v.open(listing.Keys)
	return Contents{Keys: keys, Retired: listing.Retired, Time: listing.Time}, err
}

// list returns what is stored, without keys that are being retired.
func (v *Vault) list(ctx context.Context) (Listing, error) {
	listing, err := v.Keys.List(ctx)
	if err != nil {
		return Listing{}, fmt.Errorf("list keys: %w", err)
	}
	listing.Keys = slices.DeleteFunc(listing.Keys, func(k Stored) bool {
		return slices.ContainsFunc(listing.Retired, func(r Retired) bool {
			return r.Purpose == k.Purpose && r.Generation == k.Generation
		})
	})
	return listing, nil
}

// create makes the first key of a purpose, unless another process was faster.
func (v *Vault) create(ctx context.Context, p Purpose) error {
	id, ciphertext, err := v.generate(p, 1, nil)
	if err != nil {
		return err
	}
	if err := v.Keys.Create(ctx, p, id, ciphertext); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("create %s key: %w", p, err)
	}
	return nil
}

// generate makes a key whose id is none of taken: that of a sealing key has 32
// bits, and two keys with one id could not be told apart.
func (v *Vault) generate(p Purpose, generation int64, taken []string) (id string, ciphertext []byte, err error) {
	for range maxGenerate {
		plaintext, err := v.Generate(p)
		if err != nil {
			return "", nil, fmt.Errorf("generate %s key: %w", p, err)
		}
		made, err := parse(p, plaintext)
		if err != nil {
			return "", nil, fmt.Errorf("generate %s key: %w", p, err)
		}
		if slices.Contains(taken, made.ID) {
			continue
		}
		ciphertext, err := v.KEK.Encrypt(plaintext, associated(p, generation))
		if err != nil {
			return "", nil, fmt.Errorf("encrypt %s key: %w", p, err)
		}
		return made.ID, ciphertext, nil
	}
	return "", nil, fmt.Errorf("generate %s key: every one has the id of another", p)
}

// open opens everything that is there.
func (v *Vault) open(stored []Stored) ([]Key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	keys, err := v.decrypt(stored, v.known)
	if err != nil {
		return nil, err
	}
	v.known = keys
	return keys, nil
}

// decrypt opens keys, but for those that are known.
func (v *Vault) decrypt(stored []Stored, known []Key) ([]Key, error) {
	type row struct {
		purpose    Purpose
		generation int64
		ciphertext string
	}
	rowOf := func(k Stored) row { return row{k.Purpose, k.Generation, string(k.Ciphertext)} }
	opened := make(map[row]Key, len(known))
	for _, k := range known {
		opened[rowOf(k.Stored)] = k
	}
	keys := make([]Key, 0, len(stored))
	for _, s := range stored {
		k, ok := opened[rowOf(s)]
		if !ok {
			var err error
			if k, err = open(s, v.KEK); err != nil {
				return nil, err
			}
		}
		k.Stored = s // its times change
		keys = append(keys, k)
	}
	return keys, nil
}

// Rotate makes the next key of each purpose, all or none, to be used after lead.
// Fails with ErrHasNext.
//
// Without a lead a next key that is there takes over now instead, so that a key
// that has leaked can be ended whatever the schedule has made. A caller whom
// another overtakes gets the key that the other made; it fails with ErrHasNext
// only if that one has a successor by then.
func (v *Vault) Rotate(ctx context.Context, lead time.Duration, purposes ...Purpose) ([]Key, error) {
	contents, err := v.Open(ctx)
	if err != nil {
		return nil, err
	}
	return v.rotate(ctx, lead, contents, purposes...)
}

// Succeed is [Vault.Rotate] for who has found that key to be due. It fails with
// ErrHasNext if the key has a successor by now, even an active one.
func (v *Vault) Succeed(ctx context.Context, lead time.Duration, n Name) error {
	contents, err := v.Open(ctx)
	if err != nil {
		return err
	}
	for _, k := range contents.Keys {
		if k.Purpose == n.Purpose && k.Generation > n.Generation {
			return fmt.Errorf("rotate %s key: %w", n.Purpose, ErrHasNext)
		}
	}
	_, err = v.rotate(ctx, lead, contents, n.Purpose)
	return err
}

func (v *Vault) rotate(ctx context.Context, lead time.Duration, c Contents, purposes ...Purpose) ([]Key, error) {
	if err := noneNext(c, purposes); err != nil && lead > 0 {
		return nil, err
	}
	next := make([]Successor, 0, len(purposes))
	for _, p := range purposes {
		s, err := v.successor(p, lead, c)
		if err != nil {
			return nil, err
		}
		next = append(next, s)
	}
	stored, err := v.Keys.Rotate(ctx, next...)
	if err != nil {
		return nil, fmt.Errorf("rotate keys: %w", err)
	}
	return v.decrypt(stored, nil)
}

// noneNext spares making keys that could not be stored. Whether they can be is
// for the store to say.
func noneNext(c Contents, purposes []Purpose) error {
	for i, state := range StateAt(c.Keys, c.Time) {
		if state == Next && slices.Contains(purposes, c.Keys[i].Purpose) {
			return fmt.Errorf("rotate %s key: %w", c.Keys[i].Purpose, ErrHasNext)
		}
	}
	return nil
}

func (v *Vault) successor(p Purpose, lead time.Duration, c Contents) (Successor, error) {
	var taken []string
	s := Successor{Purpose: p, Lead: lead, Life: v.Life[p]}
	for i, state := range StateAt(c.Keys, c.Time) {
		k := c.Keys[i]
		if k.Purpose == p && state == Next {
			s.Generation = k.Generation
			return s, nil
		}
		taken = append(taken, k.ID)
		if k.Purpose == p {
			s.Generation = k.Generation + 1
		}
	}
	for _, k := range c.Retired {
		taken = append(taken, k.ID)
	}
	var err error
	s.ID, s.Ciphertext, err = v.generate(p, s.Generation, taken)
	return s, err
}

// Retire ends a key that is no longer in use, and what was made with it. When it
// returns nil, no introspection that begins after the bound calls a token active
// that was sealed with it. Doing it twice is no error. Fails with ErrNotFound,
// ErrInUse.
func (v *Vault) Retire(ctx context.Context, id string) (Retired, error) {
	contents, err := v.Open(ctx)
	if err != nil {
		return Retired{}, err
	}
	name, ok := contents.find(id)
	if !ok {
		return Retired{}, fmt.Errorf("retire key: %w", ErrNotFound)
	}
	restrictions, err := restrictionsOf(name)
	if err != nil {
		return Retired{}, err
	}
	retired, err := v.Keys.Retire(ctx, name, restrictions...)
	if err != nil {
		return Retired{}, fmt.Errorf("retire %s key %d: %w", name.Purpose, name.Generation, err)
	}
	v.Hints.Publish(ctx, restrictions...)
	return retired, nil
}

// find returns the name of the key with that id, retired or not.
func (c Contents) find(id string) (Name, bool) {
	for _, k := range c.Keys {
		if k.ID == id {
			return k.Name(), true
		}
	}
	for _, k := range c.Retired {
		if k.ID == id {
			return k.Name, true
		}
	}
	return Name{}, false
}

// restrictionsOf are those that end what was made with a key. What it signed is
// checked against the key set, which it has left.
func restrictionsOf(n Name) ([]coherent.Restriction, error) {
	if n.Purpose != Sealing {
		return nil, nil
	}
	id, err := strconv.ParseUint(n.ID, 16, 32)
	if err != nil {
		return nil, fmt.Errorf("read id of sealing key: %w", err)
	}
	return []coherent.Restriction{coherent.SealingKey(uint32(id))}, nil
}

func has(keys []Stored, p Purpose) bool {
	return slices.ContainsFunc(keys, func(k Stored) bool { return k.Purpose == p })
}
