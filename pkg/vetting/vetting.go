// Package vetting reads from the description of a client whether anybody vouches
// for it, so that every service reads it in the same way.
//
// Two releases say it by two fields. The one thing to get right is that a client
// is vetted only if neither says the opposite.
package vetting

import registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"

// Of reports whether the operators, or the preset, vouch for c; nobody does for a
// client that is not there. A registry of the release before knows unverified
// alone.
func Of(c *registryv1.Client) bool {
	return c != nil && !c.GetUnverified() && (c.Vetted == nil || c.GetVetted())
}
