// Package device knows on which browsers a user has signed in before.
//
// A browser has one handle for each user, of which only the digest is kept. It says
// nothing of who the user is, and opens nothing: the password is asked all the
// same. A device is known for as long as the user's version stays what it was, so
// another password and the end of the user's sessions end it without a word.
package device

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// MaxPerSubject is how many devices of one user are known. Beyond it those that
// were not used for the longest time go.
const MaxPerSubject = 20

// Device is a browser as one user's.
type Device struct {
	Digest secret.Digest
	Sub    string
	// SubjectVersion is the user's at the last sign-in. A greater one now ends the
	// device.
	SubjectVersion int64
}

// Keeper recognises devices.
type Keeper struct {
	Devices *Store
	// Lifetime is how long a device is known after a sign-in.
	Lifetime time.Duration
}

// Known is the device that an attempt to sign in comes from.
type Known struct {
	// Digest is nil for an unknown device.
	Digest *secret.Digest
	handle string
}

// Recognise finds out whether one of the handles that a browser has is that of the
// user of that name. It runs one statement, whether or not there is such a user.
func (k *Keeper) Recognise(ctx context.Context, username string, handles []string) (Known, error) {
	digests := make([]secret.Digest, len(handles))
	for i, handle := range handles {
		digests[i] = secret.DigestOf(handle)
	}
	found, err := k.Devices.Find(ctx, username, digests)
	if err != nil {
		return Known{}, fmt.Errorf("find device: %w", err)
	}
	for i := range digests {
		if len(found) > 0 && digests[i] == found[0] {
			return Known{Digest: &digests[i], handle: handles[i]}, nil
		}
	}
	return Known{}, nil
}

// Remember makes the device one that s is known on, and returns its handle: the one
// it had, or a new one.
func (k *Keeper) Remember(ctx context.Context, s subject.Subject, known Known) (secret.Secret, error) {
	handle := secret.Wrap(known.handle)
	if known.Digest == nil {
		handle = secret.NewHandle()
	}
	d := Device{Digest: handle.Digest(), Sub: s.Sub, SubjectVersion: s.Version}
	if err := k.Devices.Remember(ctx, d, k.Lifetime); err != nil {
		return secret.Secret{}, fmt.Errorf("remember device: %w", err)
	}
	return handle, nil
}
