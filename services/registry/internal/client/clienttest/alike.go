package clienttest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// vouchedFor returns a client that the operators own and vouch for.
func vouchedFor() client.Client {
	c := plain()
	c.Vetted = true
	return c
}

// lookAlikes are pairs of names that look the same.
var lookAlikes = [][2]string{
	{"Paypal", "Paypal"},
	{"Paypal", "PAYPAL"},
	{"Paypal", "PaypaI"},                 // capital i
	{"Paypal", "paypa1"},                 // one
	{"Paypal", "\uff30aypal"},            // wide P
	{"Paypal", "\U0001d40faypal"},        // bold P
	{"Apoc", "\u0410\u0440\u043e\u0441"}, // all Cyrillic
	{"Okta", "0kta"},                     // nought
	{"OKTA", "\u041e\u041a\u0422\u0410"}, // all Cyrillic
	{"Modern Tools", "Modem Tools"},      // m for rn
	{"MODEM", "modern"},
	{"Iris", "1RIS"},
	{"\u0410\u0440\u043e\u0441", "Apoc"},
}

func vouchedNameIsRefused(t *testing.T, s Stores) {
	strangers := map[string]client.Client{
		"a workspace": ownedBy(uuid.NewString()), "itself": registered(), "operators who do not vouch for it": plain(),
	}
	for _, pair := range lookAlikes {
		create(t, s, as(pair[0], vouchedFor()))
		for who, c := range strangers {
			if !taken(t, s, as(pair[1], c)) {
				t.Errorf("%q was free for %s, beside %q", pair[1], who, pair[0])
			}
			if taken(t, s, as(pair[1]+" Fans", c)) {
				t.Errorf("%q was refused for %s", pair[1]+" Fans", who)
			}
		}
		if taken(t, s, as(pair[1], vouchedFor())) {
			t.Errorf("%q was refused for the operators", pair[1])
		}
		doubt(t, s)
		if taken(t, s, as(pair[1], strangers["a workspace"])) {
			t.Errorf("%q was refused, beside one that the operators do not vouch for", pair[1])
		}
	}
}

// taken reports whether the name of c is refused, to a new client and to one that is
// renamed.
func taken(t *testing.T, s Stores, c client.Client) bool {
	t.Helper()
	_, err := s.Clients.Create(t.Context(), c, nil, most())
	there := create(t, s, as("Something else", c))
	there.ClientName = c.ClientName
	_, _, renameErr := s.Clients.Update(t.Context(), client.Change{Client: there, Renames: true})
	if !errors.Is(err, renameErr) || err != nil && !errors.Is(err, client.ErrNameVouched) {
		t.Errorf("%q: Create() = %v, Update() = %v", c.ClientName, err, renameErr)
	}
	return err != nil
}

// doubt has the operators vouch for no client any more.
func doubt(t *testing.T, s Stores) {
	t.Helper()
	list, err := s.Clients.List(t.Context(), client.Cursor{}, 1000)
	if err != nil {
		t.Fatalf("List() = %v", err)
	}
	for _, c := range list {
		c.Vetted = false
		update(t, s, client.Change{Client: c})
	}
}

func likenessEndsThePresetsWord(t *testing.T, s Stores) {
	first, second := uuid.NewString(), uuid.NewString()
	vetted := func(c client.Client, byPreset bool) client.Client {
		c.Vetted, c.VettedByPreset = true, byPreset
		return c
	}
	create(t, s, as("Acme Reports", ownedBy(first)))
	create(t, s, as("Partner", plain()))
	create(t, s, as("Stranger", registered()))
	for _, tt := range []struct {
		name, called string
		client       client.Client
		want         bool // vetted
	}{
		{"like another workspace's", "ACME Rep0rts", vetted(ownedBy(second), true), false},
		{"like another workspace's, of one that registered itself", "ACME Rep0rts", vetted(registered(), true), false},
		{"like one of the operators that they do not vouch for", "Partner", vetted(ownedBy(second), true), false},
		{"like one of the operators, of one that registered itself", "Partner", vetted(registered(), true), false},
		{"like another workspace's, and operators have looked at it", "ACME Rep0rts", vetted(ownedBy(second), false), true},
		{"like another of its own workspace", "ACME Rep0rts", vetted(ownedBy(first), true), true},
		{"like one that registered itself", "Stranger", vetted(ownedBy(second), true), true},
		{"like no other", "Acme Records", vetted(ownedBy(second), true), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := as(tt.called, tt.client)
			made.WorkspaceID = tt.client.WorkspaceID
			if got := create(t, s, made); got.Vetted != tt.want {
				t.Errorf("Create(%q) is vetted: %v, want %v", tt.called, got.Vetted, tt.want)
			}
			renamed := create(t, s, as("Something else", tt.client))
			renamed.ClientName, renamed.Vetted, renamed.VettedByPreset = tt.called, true, tt.client.VettedByPreset
			renamed = update(t, s, client.Change{Client: renamed, Renames: true})
			if renamed.Vetted != tt.want {
				t.Errorf("Update(%q) is vetted: %v, want %v", tt.called, renamed.Vetted, tt.want)
			}
			for _, c := range []client.Client{made, renamed} {
				if _, err := s.Clients.Delete(t.Context(), c.ClientID); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func namesAreRead(t *testing.T, s Stores) {
	theirs, own := create(t, s, ownedBy(uuid.NewString())), create(t, s, vouchedFor())
	s.SetName(t, theirs.ClientID, "Acme Reports")
	s.SetName(t, own.ClientID, "Console")
	s.SetName(t, create(t, s, registered()).ClientID, "Acme Reports")
	stranger := ownedBy(uuid.NewString())
	stranger.Vetted, stranger.VettedByPreset = true, true
	for _, step := range []struct{ read, refused, vetted int }{{1, 1, 1}, {1, 1, 0}, {0, 1, 0}} {
		if n, err := s.Clients.ReadNames(t.Context(), 1); err != nil || n != step.read {
			t.Fatalf("ReadNames() = %d, %v, want %d", n, err, step.read)
		}
		if _, err := s.Clients.Create(t.Context(), as("C0nsole", stranger), nil, most()); !errors.Is(err, client.ErrNameVouched) {
			t.Errorf("Create() = %v, want %v", err, client.ErrNameVouched)
		}
		alike := create(t, s, as("Acme Rep0rts", stranger))
		if alike.Vetted != (step.vetted == 1) {
			t.Errorf("Create() is vetted: %v", alike.Vetted)
		}
		if _, err := s.Clients.Delete(t.Context(), alike.ClientID); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(t, s, own.ClientID); got.Revision != own.Revision {
		t.Errorf("reading a name makes revision %d of %d", got.Revision, own.Revision)
	}
}
