// Package authreq is the authorization request (RFC 6749 §4.1.1) and the rules
// that it must keep, as ordered tables.
//
// It keeps nothing. The same tables judge a request that is pushed, one that
// arrives, and one that is pending: what held when it was made may have ended
// since.
package authreq

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Request is the parameters of an authorization request, as they were sent. An
// empty one was not sent, or without a value, which is the same (RFC 6749 §3.1).
type Request struct {
	ResponseType        string   `json:"response_type,omitempty"`
	ClientID            string   `json:"client_id,omitempty"`
	RedirectURI         string   `json:"redirect_uri,omitempty"`
	Scope               string   `json:"scope,omitempty"`
	State               string   `json:"state,omitempty"`
	Nonce               string   `json:"nonce,omitempty"`
	CodeChallenge       string   `json:"code_challenge,omitempty"`
	CodeChallengeMethod string   `json:"code_challenge_method,omitempty"`
	Prompt              string   `json:"prompt,omitempty"`
	MaxAge              string   `json:"max_age,omitempty"`
	LoginHint           string   `json:"login_hint,omitempty"`
	IDTokenHint         string   `json:"id_token_hint,omitempty"`
	ResponseMode        string   `json:"response_mode,omitempty"`
	Resource            []string `json:"resource,omitempty"`
	RequestObject       string   `json:"request,omitempty"`
	RequestURI          string   `json:"request_uri,omitempty"`
	// Repeated names the parameters that came more than once. Their values mean
	// nothing.
	Repeated []string `json:"repeated,omitempty"`
	// Pushed says that the request was pushed by its client (RFC 9126).
	Pushed bool `json:"pushed,omitempty"`
}

// repeated reports whether the parameter came more than once. A resource may
// (RFC 8707 §2).
func (r Request) repeated(name string) bool { return slices.Contains(r.Repeated, name) }

// EchoState is the state that every answer to the client carries (RFC 6749
// §4.1.2.1): empty where the request has none that can be returned as it was.
func (r Request) EchoState() string {
	if r.repeated("state") || oauth.CheckState(r.State) != nil {
		return ""
	}
	return r.State
}

// Mode is how an answer reaches the client, also one that refuses the mode: then
// it is the query.
func (r Request) Mode() oauth.ResponseMode {
	mode, err := r.responseMode()
	if err != nil || r.repeated("response_mode") {
		return oauth.ModeQuery
	}
	return mode
}

// responseMode reads response_mode. Fails with invalid_request, also for a form
// that no browser could post.
func (r Request) responseMode() (oauth.ResponseMode, error) {
	mode, err := oauth.ParseResponseMode(r.ResponseMode)
	scheme, _, _ := strings.Cut(strings.ToLower(r.RedirectURI), ":")
	if err == nil && mode == oauth.ModeFormPost && scheme != "https" && scheme != "http" {
		return "", oauth.Refuse(oauth.InvalidRequest, "response_mode form_post needs a redirect_uri of https or http")
	}
	return mode, err
}

// Marshal returns the request in the form that stores keep.
func (r Request) Marshal() ([]byte, error) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("marshal authorization request: %w", err)
	}
	return encoded, nil
}

// Unmarshal is the inverse of [Request.Marshal].
func Unmarshal(encoded []byte) (Request, error) {
	var r Request
	if err := json.Unmarshal(encoded, &r); err != nil {
		return Request{}, fmt.Errorf("unmarshal authorization request: %w", err)
	}
	return r, nil
}

// Checked is a request that keeps every rule, with its parameters parsed.
type Checked struct {
	Request
	Client client.Client
	// Asked is the scope to ask the user for.
	Asked   oauth.Scope
	Prompts oauth.Prompt
	// Freshness is how old a sign-in may be; nil: any age. Zero is as good as
	// prompt=login.
	Freshness *time.Duration
	// Resources are the distinct values of resource, in order.
	Resources []string
	// HintSub is the subject of id_token_hint; empty without one.
	HintSub string
}

// Fixed is the request r, which was checked, with the scope that it stood for then: by
// the time that the user answers, the client may have another default.
func (c Checked) Fixed(r Request) Request {
	if r.Scope == "" {
		r.Scope = c.Asked.String()
	}
	return r
}
