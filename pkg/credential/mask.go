package credential

import (
	"errors"
	"math/bits"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// errMask is returned for a mask that [MaskOf] does not make for a resource that
// is shared.
var errMask = errors.New("mask of scopes does not fit the scope")

// Mask says which values of a token's scope hold for one resource: bit i of byte
// i/8 is the i-th value. It is nil where every value that selects resources of
// that kind holds.
//
// A mask means nothing without the scope that it was made over: the values must
// keep their order, and none may go. That is why a mask is stored as it is, and
// read by each token over its own scope.
type Mask []byte

// MaskOf returns the mask over scope of a resource for which the values in holds
// are allowed. Of scope, only the values in kind select resources like it. Where
// none of these holds, the result cannot be sealed: such a resource is not shared.
func MaskOf(scope, kind, holds oauth.Scope) Mask {
	var mask Mask
	whole := true
	for i, name := range scope {
		switch {
		case !kind.Contains(name):
		case !holds.Contains(name):
			whole = false
		default:
			mask = mask.with(i)
		}
	}
	switch {
	case mask == nil:
		// Cut like every other mask it would be empty, and mean all.
		return Mask{0}
	case whole:
		return nil
	default:
		return mask
	}
}

// with sets a bit.
func (m Mask) with(i int) Mask {
	for len(m) <= i/8 {
		m = append(m, 0)
	}
	m[i/8] |= 1 << (i % 8)
	return m
}

// Has reports whether the i-th value of the scope holds, if it selects resources of
// that kind.
func (m Mask) Has(i int) bool {
	return len(m) == 0 || i/8 < len(m) && m[i/8]>>(i%8)&1 == 1
}

// over reports whether a scope of n values has one for each bit, and the mask a bit.
func (m Mask) over(n int) bool {
	if len(m) == 0 {
		return true
	}
	last := m[len(m)-1]
	return last != 0 && 8*(len(m)-1)+bits.Len8(last) <= n
}

// Over reports whether every mask of the resources fits the scope of their token.
func (r Resources) Over(scope oauth.Scope) bool {
	for i := range r.Workspaces {
		if !r.Workspaces[i].Scopes.over(len(scope)) {
			return false
		}
	}
	for i := range r.Projects {
		if !r.Projects[i].Scopes.over(len(scope)) {
			return false
		}
	}
	return true
}
