// Package grant decides when a subject is asked for consent, and keeps what was
// allowed.
//
// A grant is what one subject has allowed one client: a scope, and the very
// workspaces and projects that the subject picked. There is at most one live
// grant for the pair. What is picked is checked against what the subject may
// share at that moment, and kept with the membership under which it was shared:
// when that membership ends, the resource has left the grant for good.
//
// What to get right: nothing selected never means everything, a refused
// selection leaves no trace, and whatever takes something away restricts.
package grant
