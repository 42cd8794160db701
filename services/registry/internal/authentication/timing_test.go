package authentication_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// known is what is on record, without the noise of a database.
type known map[string]client.Credentials

func (k known) FindCredentials(_ context.Context, clientID string) (client.Credentials, error) {
	record, found := k[clientID]
	if !found {
		return record, client.ErrNotFound
	}
	return record, nil
}

func (known) NoteUse(context.Context, string) error { return nil }

// The samples of each kind take turns, so that a busy machine slows all alike, and
// medians leave out what it slows alone.
func TestN110_EveryGuessTakesAsLong(t *testing.T) {
	const batch, batches = 100, 1000 // 10⁵ samples of each kind
	good := secret.New("chcs").Reveal()
	first := client.Secret{ID: uuid.New(), Digest: secret.DigestOf(good)}
	record := client.Credentials{
		Client:  client.Client{ClientID: "client", TokenEndpointAuthMethod: oauth.AuthClientSecretBasic},
		Secrets: []client.Secret{first},
	}
	many := record
	many.Secrets = slices.Repeat(record.Secrets, clientsecret.Max)
	a := &authentication.Authenticator{Clients: known{"client": record, "many": many}}
	guesses := []struct {
		name string
		authentication.Presented
		took []time.Duration
	}{
		{name: "wrong secret", Presented: basic("client", secret.New("chcs").Reveal())},
		{name: "right but for its end", Presented: basic("client", good[:len(good)-1]+"!")},
		{name: "wrong secret of a client with ten", Presented: basic("many", secret.New("chcs").Reveal())},
		{name: "unknown client", Presented: basic("stranger", good)},
	}
	if _, err := a.Authenticate(t.Context(), basic("client", good)); err != nil {
		t.Fatal(err)
	}
	for range batches {
		for i := range guesses {
			start := time.Now() //nolint:forbidigo // the time that it takes is what is tested
			for range batch {
				if _, err := a.Authenticate(t.Context(), guesses[i].Presented); err == nil {
					t.Fatalf("%s: Authenticate() = nil", guesses[i].name)
				}
			}
			guesses[i].took = append(guesses[i].took, time.Since(start)/batch)
		}
	}
	median := func(took []time.Duration) time.Duration {
		slices.Sort(took)
		return took[len(took)/2]
	}
	medians := make([]time.Duration, len(guesses))
	for i, g := range guesses {
		medians[i] = median(g.took)
		t.Logf("%s: %s", g.name, medians[i])
	}
	if least, most := slices.Min(medians), slices.Max(medians); 3*most > 4*least {
		t.Errorf("one kind of guess takes %s, and another %s", least, most)
	}
}
