package gateway_test

import (
	"fmt"
	"testing"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

func TestN206_FloodsOfRegistrationsAreBusy(t *testing.T) {
	w := newWorld(t, trusting("127.0.0.0/8"), openRegistration, func(c *gateway.Config) { c.Preset.Registration.PerHour = 10 })
	from := func(address string) answer {
		return w.sendJSON("POST", "/oauth/register", goodMetadata, "X-Forwarded-For", address)
	}
	for i := range 10 {
		from(fmt.Sprintf("2001:db8::%d", i)).wantStatus(t, 201)
	}
	busy := from("2001:db8::ffff")
	busy.wantJSONError(t, 429, "temporarily_unavailable")
	if got := busy.Header.Get("Retry-After"); got != "360" {
		t.Errorf("Retry-After = %q, want 360", got)
	}
	// Others, and what is registered, are not held up.
	from("2001:db8:0:1::1").wantStatus(t, 201)
	w.get(ownPath, "Authorization", "Bearer chra_x", "X-Forwarded-For", "2001:db8::1").wantStatus(t, 200)
}

func TestN206_FloodsOfUpdatesAreBusy(t *testing.T) {
	w := newWorld(t, trusting("127.0.0.0/8"), openRegistration, func(c *gateway.Config) { c.Preset.Registration.PerHour = 1 })
	from := func(method, clientID, address string) answer {
		return w.sendJSON(method, "/oauth/register/"+clientID, goodMetadata, "Authorization", "Bearer chra_x", "X-Forwarded-For", address)
	}
	// Neither another client nor another method makes a difference.
	from("DELETE", "c-1", "2001:db8::1").wantStatus(t, 204)
	from("GET", "c-2", "2001:db8::2").wantStatus(t, 200)
	for i := range 4 {
		from("PUT", fmt.Sprintf("c-%d", i), fmt.Sprintf("2001:db8::%d", i)).wantStatus(t, 200)
	}
	for _, method := range []string{"PUT", "DELETE", "GET"} {
		busy := from(method, "c-1", "2001:db8::ffff")
		busy.wantJSONError(t, 429, "temporarily_unavailable")
		if got := busy.Header.Get("Retry-After"); got != "600" {
			t.Errorf("%s: Retry-After = %q, want 600", method, got)
		}
	}
	if n := w.registration.count(); n != 6 {
		t.Errorf("%d calls reached the service, want 6", n)
	}
	// Others, and registrations, are not held up.
	from("PUT", "c-1", "2001:db8:0:1::1").wantStatus(t, 200)
	w.sendJSON("POST", "/oauth/register", goodMetadata, "X-Forwarded-For", "2001:db8::1").wantStatus(t, 201)
}

func TestRegistrationsAreNotCountedWhereNothingIs(t *testing.T) {
	w := newWorld(t, withoutRates, openRegistration, func(c *gateway.Config) { c.Preset.Registration.PerHour = 1 })
	for range 7 {
		w.sendJSON("POST", "/oauth/register", goodMetadata).wantStatus(t, 201)
		w.sendJSON("PUT", ownPath, goodMetadata, "Authorization", "Bearer chra_x").wantStatus(t, 200)
	}
}

// The hard cap is not lifted within a second; a service comes back, and an update
// ends.
func TestN206_FullRegistrationSaysWhenToTryAgain(t *testing.T) {
	w := newWorld(t, openRegistration)
	register := func() answer { return w.sendJSON("POST", "/oauth/register", goodMetadata) }
	update := func() answer { return w.sendJSON("PUT", ownPath, goodMetadata, "Authorization", "Bearer chra_x") }
	busy := oauth.Refuse(oauth.TemporarilyUnavailable, "no")
	for _, tt := range []struct {
		name              string
		refuse            error
		send              func() answer
		retry, wantReason string
	}{
		{"as many as may", busy, register, "3600", "no"},
		{"service away", fault.New(fault.Unavailable, "away"), register, "1", "try again later"},
		{"client is being changed", busy, update, "1", "no"},
	} {
		w.registration.refuse = tt.refuse
		got := tt.send()
		got.wantJSONError(t, 503, "temporarily_unavailable")
		if r := got.Header.Get("Retry-After"); r != tt.retry {
			t.Errorf("%s: Retry-After = %q, want %q", tt.name, r, tt.retry)
		}
		if want := `{"error":"temporarily_unavailable","error_description":"` + tt.wantReason + `"}`; got.body != want {
			t.Errorf("%s: body = %s, want %s", tt.name, got.body, want)
		}
	}
}
