// Package clienttest is what every store of clients must do.
package clienttest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Stores is what a case stands on, all on one database.
type Stores struct {
	Clients *client.Store
	Secrets *clientsecret.Store
	// Age makes every client older, and brings what ends nearer.
	Age func(t *testing.T, by time.Duration)
	// SetMethod changes the one method of a client, as the release before does.
	SetMethod func(t *testing.T, clientID, method string)
	// SetName changes the name of a client, as a release before 0009 does.
	SetName func(t *testing.T, clientID, name string)
	// Log is where restrictions are found.
	Log   coherent.Source
	Audit eventtest.Audit
}

// callers is how many do the same at once.
const callers = 16

// RunStore checks a store. open returns an empty one, and cleans up with t.Cleanup.
func RunStore(t *testing.T, open func(t *testing.T) Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Stores)
	}{
		{"find returns what was created", findReturnsCreated},
		{"unknown client is not found", unknownIsNotFound},
		{"N281 ids are told apart by their bytes", idsByBytes},
		{"an id cannot be had twice", idTakenOnce},
		{"list is complete while clients are created", listComplete},
		{"update replaces the metadata", updateReplaces},
		{"update of an old revision changes nothing", oldRevisionRefused},
		{"N221 one of many concurrent updates wins", oneUpdateWins},
		{"only a shrinking scope is logged", shrinkingScopeLogged},
		{"N306 only a client that becomes internal is logged", narrowingLogged},
		{"N305 every client of a workspace ends, once and for all", ownedEnd},
		{"N305 what is made while its workspace ends goes with it", madeMeanwhile},
		{"N305 the name of a deleted client is its owner's for a while", nameIsHeld},
		{"N305 nobody takes a name away from those who have it", nobodyTakesNamesAway},
		{"N305 a name is not held against who has it or holds it", nameIsNotHeldAgainstWhoHasIt},
		{"N093 a name that looks like that of an app that the operators vouch for is refused", vouchedNameIsRefused},
		{"N093 a name like another owner's ends the word of the preset", likenessEndsThePresetsWord},
		{"N093 names that nobody has read are read, the operators' first", namesAreRead},
		{"dropped secrets are logged", droppedSecretsLogged},
		{"a new secret takes the place of all", newSecretReplaces},
		{"owner and registration stay", ownerAndRegistrationStay},
		{"apps of a workspace are limited, however many come at once", appsAreLimited},
		{"N102 whoever changes one method alone ends the others for good", methodAloneEndsTheOthers},
		{"N102 methods change together", methodsChangeTogether},
		{"N206 clients that register themselves are limited, however many come at once", registeredAreLimited},
		{"clients of workspaces are listed by name", ownedAreListed},
		{"public clients are found by words", publicAreFound},
		{"public clients are found as they are", publicFollowsUpdates},
		{"N217 public clients go on by place", publicGoOnByPlace},
		{"use of a client is noted at most once an hour", clientUseNoted},
		{"N206 clients that registered themselves and are not used are listed", unusedAreListed},
		{"N219 deleted client is gone with all it had", deletedIsGone},
		{"one of many concurrent deletions wins", oneDeletionWins},
		{"origins follow the redirect URIs", originsFollow},
		{"credentials are the client with its secrets", credentialsTogether},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"who acts is recorded", actorIsRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// Example returns a client with a value of its own in every field, and an id
// that no other has.
func Example() client.Client {
	grace, window := 30*time.Second, 20*time.Minute
	return client.Client{
		ClientID:                           uuid.NewString(),
		ClientName:                         "Ünï \"quoted\" \\ 名前 🦊",
		ApplicationType:                    oauth.ApplicationWeb,
		TokenEndpointAuthMethod:            oauth.AuthClientSecretPost,
		TokenEndpointAuthMethodsSupported:  []string{oauth.AuthClientSecretPost, oauth.AuthClientSecretBasic},
		RedirectURIs:                       []string{"https://app.example/cb?a=b&c={d}", "http://localhost:3000/cb"},
		GrantTypes:                         []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
		Scope:                              oauth.Scope{"openid", "email", "profile"},
		DefaultScope:                       oauth.Scope{"openid"},
		JWKS:                               `{"keys":[]}`,
		ClientURI:                          "https://app.example/",
		LogoURI:                            "https://app.example/logo.png",
		PolicyURI:                          "https://app.example/policy",
		TosURI:                             "https://app.example/tos",
		RequirePKCE:                        true,
		RequirePushedAuthorizationRequests: true,
		IDTokenSignedResponseAlg:           "ES256",
		Audience:                           []string{"https://api.example/"},
		AccessTokenLifetime:                10 * time.Minute,
		RefreshTokenLifetime:               time.Hour,
		RefreshRotation:                    client.RotateThreshold,
		RefreshGrace:                       &grace,
		RefreshWindow:                      &window,
		SkipConsent:                        true,
		Vetted:                             true,
		RequireRevocationAuth:              true,
		Description:                        "Söme \"quoted\" 100% of_what it does 🦊",
		WorkspaceID:                        uuid.NewString(),
		Visibility:                         client.Internal,
		ClientKind:                         "mcp",
	}
}

// registered returns a client that registered itself.
func registered() client.Client {
	c := plain()
	c.RegistrationDigest = secret.DigestOf(c.ClientID)
	return c
}

// most is limits that nothing reaches by chance.
func most() client.Limits { return client.Limits{Apps: 1000, Registered: 1000} }

// plain returns a client with as little as there may be.
func plain() client.Client {
	return client.Client{
		ClientID:                 uuid.NewString(),
		ClientName:               "plain",
		ApplicationType:          oauth.ApplicationNative,
		TokenEndpointAuthMethod:  oauth.AuthNone,
		GrantTypes:               []string{oauth.GrantAuthorizationCode},
		RequirePKCE:              true,
		IDTokenSignedResponseAlg: "RS256",
		Visibility:               client.Unlisted,
	}
}

func find(t *testing.T, s Stores, clientID string) client.Client {
	t.Helper()
	found, err := s.Clients.Find(t.Context(), clientID)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	return found
}

func create(t *testing.T, s Stores, c client.Client) client.Client {
	t.Helper()
	created, err := s.Clients.Create(t.Context(), c, nil, most())
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return created
}

// same compares clients, to which an empty list is none.
func same(t *testing.T, got, want client.Client) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(client.Client{}, "CreateTime")); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
}

func findReturnsCreated(t *testing.T, s Stores) {
	for _, c := range []client.Client{Example(), plain(), registered()} {
		created := create(t, s, c)
		found, err := s.Clients.Find(t.Context(), c.ClientID)
		if err != nil {
			t.Fatalf("Find() = %v", err)
		}
		c.Version, c.ScopeVersion, c.Revision = 1, 1, 1
		same(t, created, c)
		same(t, found, c)
		if created.CreateTime.IsZero() || !found.CreateTime.Equal(created.CreateTime) {
			t.Errorf("CreateTime = %v created, %v found", created.CreateTime, found.CreateTime)
		}
	}
}

func unknownIsNotFound(t *testing.T, s Stores) {
	create(t, s, Example())
	for _, id := range []string{"", uuid.NewString(), "nul\x00", "' OR 1=1 --", "%", "é", "é"} {
		c := Example()
		c.ClientID, c.Revision = id, 1
		_, findErr := s.Clients.Find(t.Context(), id)
		_, credentialsErr := s.Clients.FindCredentials(t.Context(), id)
		_, deleteErr := s.Clients.Delete(t.Context(), id)
		errs := map[string]error{"Find": findErr, "FindCredentials": credentialsErr, "Delete": deleteErr}
		if id != "nul\x00" { // which is not text for every database, and is never updated
			_, _, errs["Update"] = s.Clients.Update(t.Context(), client.Change{Client: c})
		}
		for method, err := range errs {
			if !errors.Is(err, client.ErrNotFound) {
				t.Errorf("%s(%q) = %v, want %v", method, id, err, client.ErrNotFound)
			}
		}
	}
}

func idsByBytes(t *testing.T, s Stores) {
	ids := []string{"id", "ID", "id ", "\u00e9", "e\u0301"}
	for _, id := range ids {
		c := Example()
		c.ClientID, c.ClientName = id, "client of "+id
		create(t, s, c)
	}
	for _, id := range ids {
		if c, err := s.Clients.Find(t.Context(), id); err != nil || c.ClientName != "client of "+id {
			t.Errorf("Find(%q) = %q, %v", id, c.ClientName, err)
		}
	}
}

func idTakenOnce(t *testing.T, s Stores) {
	c := create(t, s, Example())
	if _, err := s.Clients.Create(t.Context(), c, nil, most()); err == nil {
		t.Error("Create() of the same id succeeded")
	}
}

func listComplete(t *testing.T, s Stores) {
	const before, pageSize = 7, 3
	var want []string
	for range before {
		want = append(want, create(t, s, Example()).ClientID)
	}
	var (
		got   []string
		after client.Cursor
	)
	for {
		page, err := s.Clients.List(t.Context(), after, pageSize)
		if err != nil {
			t.Fatalf("List() = %v", err)
		}
		for _, c := range page {
			got = append(got, c.ClientID)
			after = client.Cursor{CreateTime: c.CreateTime, ClientID: c.ClientID}
		}
		if len(page) < pageSize || len(got) > 10*before {
			break
		}
		if len(got) <= before { // so that the list has an end
			create(t, s, Example())
		}
	}
	for _, id := range want {
		if !slices.Contains(got, id) {
			t.Errorf("client %s is on no page", id)
		}
	}
	slices.Sort(got)
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("List() has a client twice: %v", got)
	}
}
