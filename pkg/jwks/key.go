package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-auth/chancery/pkg/secret"
)

const (
	// rsaBits is what new keys have, and the least that any key may have
	// (RFC 7518 §3.3).
	rsaBits = 2048
	// maxRSABits bounds the work of verifying a client's signature.
	maxRSABits = 4096
)

// Key is a private signing key. It shows its kid and algorithm only, however
// it is formatted. The zero value signs nothing.
type Key struct {
	kid     string
	alg     Alg
	private crypto.Signer
}

// Generate returns a new key: RSA of 2048 bits for [RS256], P-256 for [ES256].
// Other algorithms fail.
func Generate(alg Alg) (Key, error) {
	private, err := generate(alg)
	if err != nil {
		return Key{}, fmt.Errorf("generate signing key: %w", err)
	}
	return newKey(alg, private)
}

func generate(alg Alg) (crypto.Signer, error) {
	switch alg {
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, fmt.Errorf("algorithm %q is not one we sign with", string(alg))
	}
}

// ParsePrivate is the inverse of [Key.MarshalPrivate]. It fails if the key does
// not fit alg.
func ParsePrivate(alg Alg, der []byte) (Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, fmt.Errorf("parse signing key: %w", err)
	}
	private, ok := parsed.(crypto.Signer)
	if !ok || alg == PS256 {
		return Key{}, fmt.Errorf("parse signing key: not a key for %q that we sign with", string(alg))
	}
	return newKey(alg, private)
}

func newKey(alg Alg, private crypto.Signer) (Key, error) {
	if err := checkFits(alg, private.Public()); err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	public := jose.JSONWebKey{Key: private.Public()}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	return Key{
		kid:     base64.RawURLEncoding.EncodeToString(thumbprint),
		alg:     alg,
		private: private,
	}, nil
}

// KID returns the key id: the thumbprint of the public key (RFC 7638 §3),
// SHA-256 in base64url.
func (k Key) KID() string { return k.kid }

// Alg returns the one algorithm the key is used with.
func (k Key) Alg() Alg { return k.alg }

// MarshalPrivate returns the private key in PKCS#8 DER, which is to be
// encrypted before it is stored.
func (k Key) MarshalPrivate() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("marshal signing key: %w", err)
	}
	return der, nil
}

// public returns the JWK that others verify with.
func (k Key) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Algorithm: string(k.alg), Use: "sig"}
}

// String implements fmt.Stringer without the private key.
func (k Key) String() string { return fmt.Sprintf("%s key %s %s", k.alg, k.kid, secret.Redacted) }

// GoString implements fmt.GoStringer without the private key.
func (k Key) GoString() string { return k.String() }

// Format implements fmt.Formatter without the private key, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue implements slog.LogValuer without the private key.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText implements encoding.TextMarshaler without the private key.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// checkFits reports whether public is a key that alg can safely be used with.
// ES256 on another curve, or an RSA key with an exponent that signs nothing, do
// not.
func checkFits(alg Alg, public crypto.PublicKey) error {
	switch alg {
	case RS256, PS256:
		key, ok := public.(*rsa.PublicKey)
		if !ok {
			return fmt.Errorf("%s needs an RSA key", alg)
		}
		if bits := key.N.BitLen(); bits < rsaBits || bits > maxRSABits {
			return fmt.Errorf("RSA key has %d bits: want %d to %d", bits, rsaBits, maxRSABits)
		}
		if key.E < 3 || key.E%2 == 0 {
			return errors.New("RSA key has an unusable exponent")
		}
	case ES256:
		key, ok := public.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() {
			return errors.New("ES256 needs a key on P-256")
		}
	default:
		return fmt.Errorf("algorithm %q is not supported: want RS256, PS256 or ES256", string(alg))
	}
	return nil
}
