package e2e

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/chancery-auth/chancery/e2e/cluster"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/mtls"
	accessv1 "github.com/chancery-auth/chancery/proto/chancery/access/v1"
)

// method is one of the contracts, and who may call it.
type method struct {
	name    string // /package.Service/Method
	role    string // who has it
	callers []string
	input   protoreflect.MessageDescriptor
	output  protoreflect.MessageDescriptor
}

// methods are those of all contracts.
func methods(t *testing.T) []method {
	t.Helper()
	var list []method
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			s := file.Services().Get(i)
			parts := strings.Split(string(s.FullName()), ".")
			if parts[0] != "chancery" {
				continue
			}
			for j := range s.Methods().Len() {
				m := s.Methods().Get(j)
				callers, _ := proto.GetExtension(m.Options(), accessv1.E_Callers).([]string)
				list = append(list, method{"/" + string(s.FullName()) + "/" + string(m.Name()), parts[1], callers, m.Input(), m.Output()})
			}
		}
		return true
	})
	if len(list) < 40 {
		t.Fatalf("only %d methods are known", len(list))
	}
	return list
}

// call calls the method with an empty request.
func (m method) call(t *testing.T, conn grpc.ClientConnInterface) error {
	t.Helper()
	return conn.Invoke(t.Context(), m.name, dynamicpb.NewMessage(m.input), dynamicpb.NewMessage(m.output))
}

// may says whether a certificate of this name opens the method.
func (m method) may(name string) bool {
	return slices.Contains(m.callers, name) || slices.Contains(m.callers, "anyone")
}

// methodsAreOpenToTheirCallers calls every method of the running services with
// every certificate there is.
func methodsAreOpenToTheirCallers(t *testing.T, f *fleet) {
	names := append(cluster.Roles(), "admin", cluster.Platform, "stranger")
	for _, name := range names {
		if err := f.Certify("test-"+name, name); err != nil {
			t.Fatal(err)
		}
	}
	all := methods(t)
	for _, role := range cluster.Roles() {
		if role == "gateway" {
			continue
		}
		to := f.Processes(role)[0]
		for _, name := range names {
			conn := f.dialAs(t, "test-"+name, role, to)
			for _, m := range all {
				if m.role != role {
					continue
				}
				if err := m.call(t, conn); errors.Is(err, fault.Denied) == m.may(name) {
					t.Errorf("%s calls %s: %v, want it to be allowed: %v", name, m.name, err, m.may(name))
				}
			}
		}
		f.checkNobody(t, role, to, all)
	}
}

// checkNobody comes without a certificate of the authority: without any, and
// with one that somebody else has signed. Only introspection takes who has none,
// and gives them no more than what is for anyone.
func (f *fleet) checkNobody(t *testing.T, role string, to *cluster.Process, all []method) {
	t.Helper()
	trust := f.identity(t, "admin").ClientTLS(role)
	nobody := trust.Clone()
	nobody.Certificates, nobody.GetClientCertificate = nil, func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &tls.Certificate{}, nil
	}
	forged := trust.Clone()
	forged.Certificates, forged.GetClientCertificate = nil, func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return forge(t), nil
	}
	for who, config := range map[string]*tls.Config{"who has no certificate": nobody, "who has a forged certificate": forged} {
		conn, err := grpc.NewClient(to.GRPC, grpc.WithTransportCredentials(credentials.NewTLS(config)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		for _, m := range all {
			if m.role != role {
				continue
			}
			code := status.Code(m.call(t, conn))
			taken := who == "who has no certificate" && role == "introspection" && slices.Contains(m.callers, "anyone")
			refused := code == codes.Unavailable || code == codes.PermissionDenied
			if refused == taken {
				t.Errorf("%s calls %s: %s, want it to be taken: %v", who, m.name, code, taken)
			}
		}
	}
}

// forge makes a certificate of every role, signed by another authority.
func forge(t *testing.T) *tls.Certificate {
	t.Helper()
	authority, err := mtls.NewAuthority(time.Now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := authority.Issue(mtls.DefaultDomain, append(cluster.Roles(), "admin"), nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return &pair
}
