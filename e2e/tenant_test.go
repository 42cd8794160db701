package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	accessv1 "github.com/chancery-auth/chancery/proto/chancery/access/v1"
)

// tenant is somebody with something of each kind, all of which bears their name.
type tenant struct {
	name  string
	token *oauth2.Token
	// keys are what requests name the tenant's things by, by field.
	keys map[string]string
}

// newTenant makes a tenant of the server.
func newTenant(t *testing.T, s *server, name string) tenant {
	t.Helper()
	password := name + " battery staple"
	out, err := s.try(password+"\n", "user", "create", "--username", name, "--password-stdin", "--name", name, "--email", name+"@example.com", "--json")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{"username": name, "sub": field(t, out, "sub")}
	keys["workspace_id"] = field(t, s.chancery(t, "workspace", "create", "--name", name+" workspace", "--json"), "workspace_id")
	keys["project_id"] = field(t, s.chancery(t, "project", "create", "--workspace", keys["workspace_id"], "--name", name+" project", "--json"), "project_id")
	s.chancery(t, "member", "create", "--workspace", keys["workspace_id"], "--subject", keys["sub"], "--role", "admin")
	client := s.chancery(t, "client", "create", "--name", name+" client", "--redirect-uri", "https://"+name+".example/cb", "--json")
	keys["client_id"] = field(t, client, "client_id")

	as := &server{ready: s.ready, data: s.data}
	as.Demo.User.Username, as.Demo.User.Password, as.Demo.User.Sub = name, password, keys["sub"]
	as.Demo.Client.ClientID, as.Demo.Client.ClientSecret = keys["client_id"], field(t, client, "client_secret")
	as.Demo.Client.RedirectURI = "https://" + name + ".example/cb"
	a := newApp(t, as, "openid", "workspace:admin", "project:viewer", "offline_access")
	try := a.begin(forceConsent())
	made := tenant{name: name, keys: keys, token: a.tokens(t, as, try, newPerson(t, as).authorize(try.link))}

	grants := decode[struct{ Grants []map[string]any }](t, s.chancery(t, "grant", "list", "--subject", keys["sub"], "--json")).Grants
	sessions := decode[struct{ Sessions []map[string]any }](t, s.chancery(t, "session", "list", "--subject", keys["sub"], "--json")).Sessions
	if len(grants) != 1 || len(sessions) != 1 {
		t.Fatalf("%s has grants %v and sessions %v", name, grants, sessions)
	}
	keys["grant_id"], keys["session_id"] = fmt.Sprint(grants[0]["grant_id"]), fmt.Sprint(sessions[0]["session_id"])
	return made
}

// field is one of the JSON that a command printed.
func field(t *testing.T, encoded []byte, name string) string {
	t.Helper()
	v, _ := decode[map[string]any](t, encoded)[name].(string)
	if v == "" {
		t.Fatalf("there is no %s in %s", name, encoded)
	}
	return v
}

// in says whether something of the tenant is in the text.
func (n tenant) in(text string) bool {
	for _, key := range n.keys {
		if strings.Contains(text, key) {
			return true
		}
	}
	return false
}

// caller calls any method as the administrator.
type caller struct {
	t    *testing.T
	ctx  context.Context
	conn *grpc.ClientConn
}

func newCaller(t *testing.T, s *server) caller {
	t.Helper()
	conn, err := grpc.NewClient(s.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return caller{t, asAdmin(t, s), conn}
}

// asAdmin is a context for calls with the admin credential.
func asAdmin(t *testing.T, s *server) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+strings.TrimSpace(readFile(t, s.AdminCredential)))
}

// call returns the answer as JSON without insignificant space.
func (c caller) call(method protoreflect.MethodDescriptor, fields map[string]string) (answer string, err error) {
	c.t.Helper()
	req, resp := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	for name, value := range fields {
		f := method.Input().Fields().ByName(protoreflect.Name(name))
		if f.IsList() {
			req.Mutable(f).List().Append(protoreflect.ValueOfString(value))
			continue
		}
		req.Set(f, protoreflect.ValueOfString(value))
	}
	if err := c.conn.Invoke(c.ctx, pathOf(method), req, resp); err != nil {
		return "", err
	}
	encoded, err := protojson.Marshal(resp)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(encoded), nil
}

func pathOf(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}

// callersOf are those that the contract opens a method to.
func callersOf(method protoreflect.MethodDescriptor) []string {
	list, _ := proto.GetExtension(method.Options(), accessv1.E_Callers).([]string)
	return list
}

// reads says whether a method changes nothing, but for the time of a use.
func reads(method protoreflect.MethodDescriptor) bool {
	o, _ := method.Options().(*descriptorpb.MethodOptions)
	return o.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS || method.Name() == "GetGrant"
}

// keysOf are the fields of a request that name something of a tenant: of one kind
// each, in the singular or the plural.
func keysOf(method protoreflect.MethodDescriptor, n tenant) map[string]string {
	keys := make(map[string]string)
	fields := method.Input().Fields()
	for i := range fields.Len() {
		name := string(fields.Get(i).Name())
		if value, ok := n.keys[strings.TrimSuffix(name, "s")]; ok && fields.Get(i).Kind() == protoreflect.StringKind {
			keys[name] = value
		}
	}
	return keys
}

// eachKey calls f with every method that an administrator reads by a key of a
// tenant, and the field that has the key.
func eachKey(t *testing.T, n tenant, f func(method protoreflect.MethodDescriptor, key string)) {
	t.Helper()
	var found []string
	eachMethod(func(method protoreflect.MethodDescriptor) {
		if !reads(method) || !slices.Contains(callersOf(method), "admin") {
			return
		}
		for key := range keysOf(method, n) {
			if strings.HasSuffix(key, "_ids") {
				continue // It narrows what another key names.
			}
			found = append(found, string(method.Name())+" by "+key)
			f(method, key)
		}
	})
	slices.Sort(found)
	want := []string{
		"GetClient by client_id", "GetGrant by grant_id", "GetSubject by sub", "GetSubject by username",
		"ListAuditRecords by client_id", "ListAuditRecords by sub", "ListGrants by client_id", "ListGrants by sub",
		"ListMembers by workspace_id", "ListProjects by workspace_id", "ListResources by sub", "ListSecrets by client_id", "ListSessions by sub",
	}
	if !slices.Equal(found, want) {
		t.Errorf("read by a tenant's key: %q, want %q", found, want)
	}
}

// N282: whatever is read by a key of one tenant has nothing of another, also
// when the other fields of the request name things of the other.
func TestN282_WhatIsReadByATenantsKeyIsTheTenants(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		alpha, bravo := newTenant(t, s, "alpha"), newTenant(t, s, "bravo")
		c := newCaller(t, s)
		for _, pair := range [][2]tenant{{alpha, bravo}, {bravo, alpha}} {
			own, foreign := pair[0], pair[1]
			eachKey(t, own, func(method protoreflect.MethodDescriptor, key string) {
				answer, err := c.call(method, map[string]string{key: own.keys[key]})
				if err != nil || foreign.in(answer) {
					t.Errorf("%s by %s of %s: %s, %v", method.Name(), key, own.name, answer, err)
				}
				// Secrets bear no name: that there is one is all.
				if method.Name() != "ListSecrets" && !own.in(answer) || len(answer) < len(`{"x":[{}]}`) {
					t.Errorf("%s by %s of %s lacks what it is about: %s", method.Name(), key, own.name, answer)
				}
				mixed := keysOf(method, foreign)
				mixed[key] = own.keys[key]
				// With keys of both, what belongs to both is asked for, or the first
				// key alone counts.
				if answer, err := c.call(method, mixed); err == nil && foreign.in(answer) && key != "username" {
					t.Errorf("%s by %s of %s and the rest of %s: %s", method.Name(), key, own.name, foreign.name, answer)
				}
			})
			answer := string(s.chancery(t, "token", "introspect", own.token.AccessToken))
			if foreign.in(answer) || !strings.Contains(answer, own.keys["workspace_id"]) || !strings.Contains(answer, own.keys["project_id"]) {
				t.Errorf("introspection of a token of %s: %s", own.name, answer)
			}
		}
	})
}

// N281: an id in another case, or in another Unicode form, is another id. A UUID is
// 16 bytes, whichever case its text has (RFC 9562 §4), and is compared as such.
func TestN281_IDsAreComparedByTheirBytes(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		n := newTenant(t, s, "alpha")
		c := newCaller(t, s)
		eachKey(t, n, func(method protoreflect.MethodDescriptor, key string) {
			if key == "username" {
				return // A name is no id: people write it as they like.
			}
			others := map[string]string{"in full width": strings.Replace(n.keys[key], "-", "－", 1), "with a space": n.keys[key] + " "}
			if key == "sub" || key == "client_id" {
				others["in upper case"] = strings.ToUpper(n.keys[key])
			}
			for name, other := range others {
				answer, err := c.call(method, map[string]string{key: other})
				if code := status.Code(err); code == codes.Internal || code == codes.Unknown || n.in(answer) {
					t.Errorf("%s by %s %s: %s, %v", method.Name(), key, name, answer, err)
				}
			}
		})
		if len(flags) > 0 {
			checkCollations(t, flags[1])
		}
	})
}

// checkCollations says that a database compares ids by their bytes.
func checkCollations(t *testing.T, address string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	var columns, others []string
	err = conn.QueryRow(t.Context(), `
		SELECT array_agg(name), coalesce(array_agg(name) FILTER (WHERE collation_name IS DISTINCT FROM 'C'), '{}')
		  FROM (SELECT format('%s.%s.%s', table_schema, table_name, column_name) AS name, collation_name
		          FROM information_schema.columns
		         WHERE data_type IN ('text', 'character varying') AND column_name ~ '(^|_)(id|sub)$'
		           AND table_schema IN ('authorize', 'token', 'consent', 'registry', 'directory', 'coherence', 'event')) AS c`).Scan(&columns, &others)
	if err != nil {
		t.Fatal(err)
	}
	if len(columns) < 8 || len(others) > 0 {
		t.Errorf("of %d columns these do not compare bytes: %q", len(columns), others)
	}
}
