package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// errNoRegistration is the mistake of a caller, and nobody else's.
var errNoRegistration = errors.New("client to register has no registration access token")

// Registrar is how clients are seen and changed. The fields do not change
// after the first call; it is safe for concurrent use.
type Registrar struct {
	Clients *Store
	// Hints tells the other replicas of a restriction early. Nil tells nobody.
	Hints *coherent.Hints
	// Policy is what every client keeps.
	Policy Policy
	// SecretPrefix is put before client secrets.
	SecretPrefix string
}

// Create registers c for an operator, or for the workspace that it names. Its
// first secret is the empty one if the client's authentication method has none;
// it cannot be had a second time. Fails with fault.Invalid, fault.Exhausted.
func (r *Registrar) Create(ctx context.Context, c Client) (Client, secret.Secret, error) {
	c.RegistrationDigest = secret.Digest{}
	return r.create(ctx, c)
}

// Register registers c for itself (RFC 7591), whose RegistrationDigest is that of
// the token it will manage itself by. Of c counts what RFC 7591 §2 has; the rest
// is the preset's. Its first secret is as with [Registrar.Create]. Fails with
// fault.Invalid, fault.Exhausted.
func (r *Registrar) Register(ctx context.Context, c Client) (Client, secret.Secret, error) {
	if !c.Registered() {
		return Client{}, secret.Secret{}, errNoRegistration
	}
	return r.create(ctx, c.asRegistered(r.Policy))
}

func (r *Registrar) create(ctx context.Context, c Client) (Client, secret.Secret, error) {
	c = c.withDefaults(r.Policy)
	if err := c.check(r.Policy); err != nil {
		return Client{}, secret.Secret{}, err
	}
	// Random, so that the id of a deleted client never comes back.
	c.ClientID = uuid.NewString()
	first, shown := r.newSecret(c)
	created, err := r.Clients.Create(ctx, c, first, Limits{Apps: MaxApps, Registered: r.Policy.Registration.MaxClients})
	if err != nil {
		return Client{}, secret.Secret{}, refuse("create client", err)
	}
	return created, shown, nil
}

// newSecret returns nil and the empty secret if the client's authentication
// methods have none.
func (r *Registrar) newSecret(c Client) (*clientsecret.Secret, secret.Secret) {
	if !c.usesSecrets() {
		return nil, secret.Secret{}
	}
	return clientsecret.New(r.SecretPrefix)
}

// Find returns a client. Fails with fault.NotFound.
func (r *Registrar) Find(ctx context.Context, clientID string) (Client, error) {
	c, err := r.Clients.Find(ctx, clientID)
	if err != nil {
		return Client{}, refuse("find client", err)
	}
	return c, nil
}

// Update replaces the metadata of the client that c.ClientID names, if
// c.Revision is its current revision. When it returns, what the change
// restricts is committed. Fails with fault.NotFound, fault.Conflict and
// fault.Invalid.
func (r *Registrar) Update(ctx context.Context, c Client) (Client, error) {
	old, err := r.current(ctx, c)
	if err != nil {
		return Client{}, err
	}
	return r.update(ctx, old, c.asUpdateOf(old), nil)
}

// Replace is [Registrar.Update] by a client that registered itself
// (RFC 7592 §2.2): what it leaves out takes its default, what only operators say
// stays. A client whose authentication method has secrets loses all of them, and
// gets a new one. Fails as Update does.
func (r *Registrar) Replace(ctx context.Context, c Client) (Client, secret.Secret, error) {
	old, err := r.current(ctx, c)
	if err != nil {
		return Client{}, secret.Secret{}, err
	}
	c = c.asReplacementOf(old, r.Policy)
	kept, shown := r.newSecret(c)
	updated, err := r.update(ctx, old, c, kept)
	if err != nil {
		return Client{}, secret.Secret{}, err
	}
	return updated, shown, nil
}

// current returns the client that c is a change of.
func (r *Registrar) current(ctx context.Context, c Client) (Client, error) {
	old, err := r.Clients.Find(ctx, c.ClientID)
	if err != nil {
		return Client{}, refuse("find client", err)
	}
	// Of a current revision, old is the row that the store's gate will find.
	if c.Revision != old.Revision {
		return Client{}, refuse("update client", ErrChanged)
	}
	return old, nil
}

func (r *Registrar) update(ctx context.Context, old, c Client, newSecret *clientsecret.Secret) (Client, error) {
	if err := c.checkChange(old, r.Policy); err != nil {
		return Client{}, err
	}
	change := Change{
		Client:       c,
		ScopeShrinks: !old.Scope.SubsetOf(c.Scope),
		Narrows:      c.becomesInternal(old) || c.beginsToAsk(old),
		// Those of a client that used none until now were left behind by the release before.
		DropSecrets: !old.usesSecrets() || !c.usesSecrets(),
		NewSecret:   newSecret,
		Renames:     !bytes.Equal(old.NameDigest(), c.NameDigest()) || !bytes.Equal(old.NameSkeleton(), c.NameSkeleton()),
	}
	updated, restrictions, err := r.Clients.Update(ctx, change)
	if err != nil {
		return Client{}, refuse("update client", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return updated, nil
}

// Delete removes a client. When it returns, every token and code of it is
// dead: at the primary at once, elsewhere within the published bound. Fails with
// fault.NotFound.
func (r *Registrar) Delete(ctx context.Context, clientID string) error {
	restrictions, err := r.Clients.Delete(ctx, clientID)
	if err != nil {
		return refuse("delete client", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return nil
}

// DeleteOwned removes every client of a workspace, as [Registrar.Delete] does, and
// lets none be made for it any more. It may be repeated until it succeeds.
func (r *Registrar) DeleteOwned(ctx context.Context, workspaceID string) error {
	restrictions, err := r.Clients.DeleteOwned(ctx, workspaceID)
	if err != nil {
		return fmt.Errorf("delete clients of workspace: %w", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return nil
}

// CountOwned returns how many clients a workspace owns.
func (r *Registrar) CountOwned(ctx context.Context, workspaceID string) (int, error) {
	owned, err := r.Clients.ListOwned(ctx, []string{workspaceID})
	if err != nil {
		return 0, fmt.Errorf("list clients of workspace: %w", err)
	}
	return len(owned), nil
}

const (
	// unusedFor is how long a client that registered itself has for its first use.
	unusedFor = 30 * 24 * time.Hour
	// sweepSize keeps one batch short.
	sweepSize = 100
	// readSize is how many names are read in one transaction.
	readSize = 1000
)

// Load reads the names of the operators' clients that a binary of the release before
// has written. The sweep reads the others.
func (r *Registrar) Load(ctx context.Context) error {
	_, err := r.Clients.ReadNames(ctx, readSize)
	return err
}

// Sweeps returns the clients that registered themselves and were never used, for
// deletion, so that they do not keep others from registering for good; the names
// that are held no longer; and those that nobody has read, which are read.
func (r *Registrar) Sweeps() []sweep.Table {
	names := r.Clients.Sweeps()
	return append(names,
		sweep.Table{Name: "registry.client", Now: names[0].Now, Delete: r.deleteUnused},
		sweep.Table{Name: "registry.client", Now: names[0].Now, Delete: r.readNames})
}

// deleteUnused is sweep.Table.Delete. Each client goes as if an operator deleted it.
func (r *Registrar) deleteUnused(ctx context.Context, _ time.Time, limit int) (sweep.Batch, error) {
	limit = min(limit, sweepSize)
	unused, err := r.Clients.ListUnused(ctx, unusedFor, limit)
	if err != nil {
		return sweep.Batch{}, fmt.Errorf("list unused clients: %w", err)
	}
	for _, id := range unused {
		if err := r.Delete(ctx, id); err != nil && !errors.Is(err, fault.NotFound) {
			return sweep.Batch{}, err
		}
	}
	return sweep.Batch{Rows: int64(len(unused)), More: len(unused) == limit}, nil
}

// readNames is sweep.Table.Delete. It deletes nothing.
func (r *Registrar) readNames(ctx context.Context, _ time.Time, limit int) (sweep.Batch, error) {
	limit = min(limit, readSize)
	n, err := r.Clients.ReadNames(ctx, limit)
	return sweep.Batch{More: n == limit}, err
}

// refuse turns the sentinels of the store into what an operator is told.
func refuse(doing string, err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return fault.Because(fault.NotFound, "there is no such client", err)
	case errors.Is(err, ErrChanged):
		return fault.Because(fault.Conflict, "the client has changed since it was read: read it again", err)
	case errors.Is(err, ErrTooManyApps):
		return fault.Because(fault.Exhausted, "the workspace has 100 apps: delete one first", err)
	case errors.Is(err, ErrOwnerEnded):
		return fault.Because(fault.Invalid, "workspace_id names a workspace that is being deleted", err)
	case errors.Is(err, ErrNameHeld):
		return fault.Because(fault.Invalid, "client_name was that of a client deleted less than 30 days ago, and is held for its owner", err)
	case errors.Is(err, ErrNameVouched):
		return fault.Because(fault.Invalid, "client_name looks like the name of one of the platform's own apps: choose another", err)
	case errors.Is(err, ErrTooManyRegistered):
		return fault.Because(fault.Exhausted, "as many clients have registered as may", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// becomesInternal says that c is for the members of its workspace from now on.
func (c Client) becomesInternal(old Client) bool {
	return c.Visibility == Internal && old.Visibility != Internal
}

// beginsToAsk says that the users of c are asked for consent from now on.
func (c Client) beginsToAsk(old Client) bool { return old.SkipConsent && !c.SkipConsent }
