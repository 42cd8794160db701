package jwks

// Verify returns the claims of a JWT of the kind typ that a key of the set
// signed: [Set.Verify] for who has only the published keys. The header must name
// its key by kid. Only signature, key, algorithm and typ are checked: an
// id_token_hint, for one, may have expired. Fails with [ErrInvalidToken].
func (s PublicSet) Verify(typ Typ, token string) (claims []byte, err error) {
	t, err := parse(token)
	if err != nil {
		return nil, err
	}
	if t.header.Typ != typ {
		return nil, invalid("typ is not %q", string(typ))
	}
	for _, k := range s.keys {
		if t.header.KID == "" || k.kid != t.header.KID {
			continue
		}
		if k.alg != t.header.Alg {
			return nil, invalid("alg is not that of the key")
		}
		return t.verify(k.key)
	}
	return nil, invalid("kid is unknown")
}
