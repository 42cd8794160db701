// Package grant decides when a subject is asked for consent, and keeps what was
// allowed.
//
// A grant is what one subject has allowed one client: a set of approvals, each for
// a scope at one resource or none, for an audience, and to the client as it came
// then. There is at most one live grant for the pair. What is picked is checked
// against what the subject may share at that moment, and kept with the membership
// under which it was shared: when that membership ends, the resource has left the
// grant for good.
//
// Two pure functions are the rule: what a decision makes of the approvals, and what
// a claim gets of them. What to get right: what is allowed at one place is worth
// nothing at another, nothing selected never means everything, a refused selection
// leaves no trace, and whatever takes something away restricts.
package grant
