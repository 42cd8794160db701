// Package key keeps the keys of the token service: those that seal credentials
// and those that sign ID tokens. At rest each is encrypted by the key-encryption
// key; whoever reads the table learns nothing.
//
// A key is published before it is used, and stays when it no longer is, until
// nothing made with it can be alive. Every instant in that life is the
// database's, so that all replicas agree on it.
package key

import (
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/seal"
)

// Purpose says what a key does.
type Purpose string

// The purposes. Signing keys have one for each algorithm.
const (
	Sealing Purpose = "seal"
	RS256   Purpose = "RS256"
	ES256   Purpose = "ES256"
)

// Purposes returns every purpose for which there must be a key.
func Purposes() []Purpose { return []Purpose{Sealing, RS256, ES256} }

// Stored is a key at rest.
type Stored struct {
	Purpose Purpose
	// Generation counts the keys of one purpose from 1.
	Generation int64
	// Encrypted by the key-encryption key, with purpose and generation as
	// associated data.
	Ciphertext []byte
	CreateTime time.Time
	// ActivateTime is from when on the key is used. The active key of a purpose is
	// the highest generation that is past it.
	ActivateTime time.Time
	// ExpireTime is from when on nothing made with the key can be alive; zero as
	// long as it has no successor.
	ExpireTime time.Time
}

// Retired is what is left of a key that was ended before its time.
type Retired struct {
	Name
	CreateTime   time.Time
	ActivateTime time.Time
	RetireTime   time.Time
	ExpireTime   time.Time
}

// Name names a key: to the store by purpose and generation, to people by id.
type Name struct {
	Purpose    Purpose
	Generation int64
	ID         string
}

// Listing is every key at one moment.
type Listing struct {
	// Keys are by purpose and generation, and so are Retired.
	Keys    []Stored
	Retired []Retired
	// Time is the database's.
	Time time.Time
}

// Successor is a key that is to take over from those before it.
type Successor struct {
	Purpose Purpose
	// Generation is one more than the highest that there is; without a lead it is
	// the next key's if there is one, and then ID and Ciphertext are not used.
	Generation int64
	// ID is the key's, for its event.
	ID         string
	Ciphertext []byte
	// Lead is from now to its activation. Zero: it is active at once.
	Lead time.Duration
	// Life is how long what its predecessors made lives on after that.
	Life time.Duration
}

var (
	// ErrExists is returned for a generation that is there already.
	ErrExists = errors.New("key generation exists")
	// ErrHasNext is returned for a purpose whose next key is there already.
	ErrHasNext = errors.New("next key exists")
	// ErrInUse is returned for a key that is active, or will be.
	ErrInUse = errors.New("key is in use")
	// ErrNotFound is returned for a key that never was, or has gone.
	ErrNotFound = errors.New("key not found")
)

// State is how far a key is in its life.
type State uint8

// The states.
const (
	Next   State = iota + 1 // published, and not used yet
	Active                  // in use
	Former                  // no longer used; what it made is good
)

// Name returns what names the key.
func (s Successor) Name() Name { return Name{s.Purpose, s.Generation, s.ID} }

// Name returns what names the key.
func (k Key) Name() Name { return Name{k.Purpose, k.Generation, k.ID} }

// Key is an opened key.
type Key struct {
	Stored
	// ID is the kid of a signing key, and the hexadecimal id of a sealing key.
	ID string
	// Seal is the key itself for the purpose Sealing, Sign for every other.
	Seal seal.Key
	Sign jwks.Key
}

// StateAt returns the state of each of the keys, which are by purpose and
// generation, at an instant of the database. The first key of a purpose is never
// merely next: there is nothing to use in its place.
func StateAt(keys []Key, at time.Time) []State {
	states := make([]State, len(keys))
	active := make(map[Purpose]int)
	for i, k := range keys {
		states[i] = Former
		if _, ok := active[k.Purpose]; !ok || !k.ActivateTime.After(at) {
			active[k.Purpose] = i
		}
	}
	for i, k := range keys {
		switch of := active[k.Purpose]; {
		case i == of:
			states[i] = Active
		case i > of:
			states[i] = Next
		}
	}
	return states
}

// associated binds a ciphertext to its row, so that rows cannot be swapped.
func associated(p Purpose, generation int64) []byte {
	return fmt.Appendf(nil, "chancery/key/%s/%d", p, generation)
}
