package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func railwayWebApps(t *testing.T, p *standIn) {
	for _, method := range []string{"client_secret_basic", "client_secret_post"} {
		r := p.party(t, "openid", "--auth-method", method)
		if r.ClientSecret == "" {
			t.Errorf("%s: no secret", method)
		}
		r.authorize(t)
		without := *r
		without.ClientSecret = ""
		try := without.begin()
		if _, err := without.Exchange(t.Context(), r.person.authorize(try.link).Get("code"), oauth2.VerifierOption(try.verifier)); err == nil {
			t.Errorf("%s: the secret is not asked for", method)
		}
	}
	r := p.party(t, "openid")
	answer := r.person.authorize(r.link(url.Values{"code_challenge": {""}, "code_challenge_method": {""}}))
	if _, err := r.Exchange(t.Context(), answer.Get("code")); err != nil {
		t.Errorf("without PKCE: %v", err)
	}
}

func (p *standIn) native(t testing.TB, scope string) *party {
	t.Helper()
	return p.party(t, scope, "--type", "native", "--redirect-uri", "http://127.0.0.1:7171/callback")
}

func railwayNativeApps(t *testing.T, p *standIn) {
	r := p.native(t, "openid")
	same(t, "token_endpoint_auth_method", "none", p.client(t, r.ClientID).TokenEndpointAuthMethod)
	same(t, "secret", "", r.ClientSecret)
	r.authorize(t)
	same(t, "without PKCE", "invalid_request", r.refused(t, r.link(url.Values{"code_challenge": {""}, "code_challenge_method": {""}})))
}

func railwayNativeSecret(t *testing.T, p *standIn) {
	r := p.native(t, "openid")
	try := r.begin()
	code := r.person.authorize(try.link).Get("code")
	r.ClientSecret = "made-up"
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("exchange with a secret = %v, want invalid_client", err)
	}
	r.ClientSecret = ""
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err != nil {
		t.Errorf("exchange without a secret = %v", err)
	}
}

func railwaySecrets(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	first := r.ClientSecret
	made := decode[struct {
		SecretID     string `json:"secret_id"`
		ClientSecret string `json:"client_secret"`
	}](t, p.s.chancery(t, "client", "secret", "create", r.ClientID, "--json"))
	listed := p.s.chancery(t, "client", "secret", "list", r.ClientID, "--json")
	if strings.Contains(string(listed), made.ClientSecret) || strings.Contains(string(listed), first) {
		t.Error("the list shows a secret")
	}
	for _, secret := range []string{first, made.ClientSecret} {
		r.ClientSecret = secret
		r.authorize(t)
	}
	p.s.chancery(t, "client", "secret", "revoke", r.ClientID, made.SecretID)
	try := r.begin()
	code := r.person.authorize(try.link).Get("code")
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err == nil {
		t.Error("the revoked secret is accepted")
	}
	r.ClientSecret = first
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err != nil {
		t.Errorf("the other secret: %v", err)
	}
}

func railwayDeletedApp(t *testing.T, p *standIn) {
	r := p.party(t, "openid profile workspace:viewer offline_access")
	token := r.authorize(t, forceConsent())
	if page := r.person.open("/account/apps"); !strings.Contains(page.text, "Parity") {
		t.Errorf("the app is not on the user's list: %s", page.text)
	}
	listed := len(r.person.open("/account/apps").forms)
	p.s.chancery(t, "client", "delete", r.ClientID)
	if status, _ := p.get(t, p.endpoint(t, "userinfo_endpoint"), token.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("userinfo answers %d", status)
	}
	if _, err := r.refresh(t, token.RefreshToken); err == nil {
		t.Error("the refresh token outlives its app")
	}
	if now := len(r.person.open("/account/apps").forms); now >= listed {
		t.Errorf("the user's list has %d forms, and had %d", now, listed)
	}
}

type selfRegistered struct {
	ClientID                string `json:"client_id"`
	ClientSecret            string `json:"client_secret"`
	RegistrationAccessToken string `json:"registration_access_token"`
	RegistrationClientURI   string `json:"registration_client_uri"`
	ClientName              string `json:"client_name"`
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method"`
}

func (p *standIn) register(t testing.TB, metadata map[string]any) selfRegistered {
	t.Helper()
	status, body := send(t, http.MethodPost, p.endpoint(t, "registration_endpoint"), "", payload{"application/json", marshal(t, metadata)})
	if status != http.StatusCreated {
		t.Fatalf("registration answers %d: %s", status, body)
	}
	return decode[selfRegistered](t, body)
}

func railwayRegistration(t *testing.T, p *standIn) {
	c := p.register(t, map[string]any{"client_name": "Self made", "redirect_uris": []string{callback}})
	manage := func(method string, content []byte) int {
		t.Helper()
		status, _ := send(t, method, c.RegistrationClientURI, c.RegistrationAccessToken, payload{"application/json", content})
		return status
	}
	same(t, "GET", http.StatusOK, manage(http.MethodGet, nil))
	r := &party{app: newApp(t, p.s, "openid"), p: p, person: newPerson(t, p.s)}
	r.ClientID, r.ClientSecret, r.RedirectURL = c.ClientID, c.ClientSecret, callback
	r.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	token := r.authorize(t)
	same(t, "DELETE", http.StatusNoContent, manage(http.MethodDelete, nil))
	same(t, "GET after DELETE", http.StatusUnauthorized, manage(http.MethodGet, nil))
	if status, _ := p.get(t, p.endpoint(t, "userinfo_endpoint"), token.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("userinfo answers %d after the client is gone", status)
	}
}

func railwayRegisteredAreHidden(t *testing.T, p *standIn) {
	p.register(t, map[string]any{"client_name": "Hidden one", "redirect_uris": []string{callback}})
	person := newPerson(t, p.s)
	for _, path := range []string{"/developer/apps", "/apps"} {
		if page := person.signedIn(path); page.status != http.StatusOK || strings.Contains(page.text, "Hidden one") {
			t.Errorf("%s answers %d: %s", path, page.status, page.text)
		}
	}
}

func railwayRegistrationUpdate(t *testing.T, p *standIn) {
	metadata := map[string]any{"client_name": "Renewed", "redirect_uris": []string{callback}}
	c := p.register(t, metadata)
	metadata["client_name"] = "Renewed again"
	metadata["client_id"] = c.ClientID
	status, body := send(t, http.MethodPut, c.RegistrationClientURI, c.RegistrationAccessToken, payload{"application/json", marshal(t, metadata)})
	if status != http.StatusOK {
		t.Fatalf("PUT answers %d: %s", status, body)
	}
	updated := decode[selfRegistered](t, body)
	same(t, "client_name", "Renewed again", updated.ClientName)
	if updated.ClientSecret == "" || updated.ClientSecret == c.ClientSecret {
		t.Error("the secret is the same")
	}
	r := &party{app: newApp(t, p.s, "openid"), p: p, person: newPerson(t, p.s)}
	r.ClientID, r.ClientSecret, r.RedirectURL = c.ClientID, c.ClientSecret, callback
	r.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	try := r.begin()
	code := r.person.authorize(try.link).Get("code")
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err == nil {
		t.Error("the old secret is accepted")
	}
	r.ClientSecret = updated.ClientSecret
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err != nil {
		t.Error(err)
	}
}

func railwayRegistrationLimit(t *testing.T, p *standIn) {
	limit := presetOf(t, "railway").Registration.PerHour
	for range limit + 1 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.endpoint(t, "registration_endpoint"),
			strings.NewReader(`{"client_name":"One more","redirect_uris":["`+callback+`"]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "" {
			return
		}
	}
	t.Errorf("%d registrations at once are taken", limit+1)
}
