package event

import "strings"

// Type is what happened, as a fact in the past. The set is closed: [Types] has
// all of it, and docs/events.md says what each carries.
type Type string

const (
	// GrantRecorded says that a subject allowed a client something for the first
	// time.
	GrantRecorded Type = "grant.recorded"
	// GrantChanged says that a subject changed what a client is allowed.
	GrantChanged Type = "grant.changed"
	// GrantRevoked says that a grant ended, and every token of it.
	GrantRevoked Type = "grant.revoked"

	// FamilyEnded says that the refresh tokens of a family are no longer good.
	FamilyEnded Type = "family.ended"
	// FamilyReused says that a refresh token was presented again after it had been
	// rotated, so that its family has ended (RFC 9700 §4.14.2).
	FamilyReused Type = "family.reused"
	// FamilyRepeated says that a refresh token was presented again after it had been
	// rotated, within the window of its client, so that nothing has ended.
	FamilyRepeated Type = "family.repeated"
	// CodeReused says that an authorization code was presented again after it had
	// been redeemed, so that its family has ended (RFC 6749 §4.1.2).
	CodeReused Type = "code.reused"
	// TokenRevoked says that one access token was revoked (RFC 7009 §2).
	TokenRevoked Type = "token.revoked"

	// ClientCreated says that a client was registered.
	ClientCreated Type = "client.created"
	// ClientUpdated says that the registration of a client was changed.
	ClientUpdated Type = "client.updated"
	// ClientDeleted says that a client is gone, and everything it was granted.
	ClientDeleted Type = "client.deleted"
	// ClientSecretCreated says that a client got another secret.
	ClientSecretCreated Type = "client_secret.created"
	// ClientSecretRevoked says that a secret of a client is no longer good.
	ClientSecretRevoked Type = "client_secret.revoked"
	// InitialTokenCreated says that there is a token by which clients may register
	// themselves.
	InitialTokenCreated Type = "initial_access_token.created"
	// InitialTokenRevoked says that such a token is no longer good.
	InitialTokenRevoked Type = "initial_access_token.revoked"

	// SubjectCreated says that the built-in directory has a new user.
	SubjectCreated Type = "subject.created"
	// SubjectDisabled says that a user may not sign in, and that every token of
	// theirs has ended.
	SubjectDisabled Type = "subject.disabled"
	// SubjectEnabled says that a user may sign in again.
	SubjectEnabled Type = "subject.enabled"
	// SubjectUnlocked says that an operator let unknown devices try a user's password
	// again.
	SubjectUnlocked Type = "subject.unlocked"
	// PasswordChanged says that a user has another password, and that every session
	// and token of theirs has ended.
	PasswordChanged Type = "password.changed"
	// SessionStarted says that a user signed in with a browser.
	SessionStarted Type = "session.started"
	// SessionEnded says that a sign-in session is over.
	SessionEnded Type = "session.ended"
	// SignInFailed says that a person or program did not prove to be a known user. What they
	// typed is not told.
	SignInFailed Type = "sign_in.failed"

	// WorkspaceCreated says that there is a new workspace.
	WorkspaceCreated Type = "workspace.created"
	// WorkspaceDeleted says that a workspace is gone, and its projects with it.
	WorkspaceDeleted Type = "workspace.deleted"
	// ProjectCreated says that a workspace has a new project.
	ProjectCreated Type = "project.created"
	// ProjectDeleted says that a project is gone.
	ProjectDeleted Type = "project.deleted"
	// MemberAdded says that a user got a role in a workspace.
	MemberAdded Type = "member.added"
	// MemberRoleChanged says that a user has another role in a workspace.
	MemberRoleChanged Type = "member.role_changed"
	// MemberRemoved says that a user has no role in a workspace any more.
	MemberRemoved Type = "member.removed"

	// KeyCreated says that there is a new key for signing or sealing.
	KeyCreated Type = "key.created"
	// KeyRetired says that nothing made with a key is good any more.
	KeyRetired Type = "key.retired"
	// RestoreEpochRaised says that every token issued before is no longer good,
	// because the database was restored from a backup.
	RestoreEpochRaised Type = "restore_epoch.raised"
)

// Types returns every type there is.
func Types() []Type {
	return []Type{
		GrantRecorded, GrantChanged, GrantRevoked,
		FamilyEnded, FamilyReused, FamilyRepeated, CodeReused, TokenRevoked,
		ClientCreated, ClientUpdated, ClientDeleted, ClientSecretCreated, ClientSecretRevoked,
		InitialTokenCreated, InitialTokenRevoked,
		SubjectCreated, SubjectDisabled, SubjectEnabled, SubjectUnlocked, PasswordChanged, SessionStarted, SessionEnded, SignInFailed,
		WorkspaceCreated, WorkspaceDeleted, ProjectCreated, ProjectDeleted,
		MemberAdded, MemberRoleChanged, MemberRemoved,
		KeyCreated, KeyRetired, RestoreEpochRaised,
	}
}

const (
	// subjectPrefix begins the subject of every event.
	subjectPrefix = "chancery.event."
	// everySubject is what the stream keeps.
	everySubject = subjectPrefix + ">"
)

// subject returns where an event of the type is published. It is not ok for what
// could reach another subject than its own: a type of letters, underscores and
// single full stops has neither a wildcard, nor a space, nor a line end.
func (t Type) subject() (subject string, ok bool) {
	for word := range strings.SplitSeq(string(t), ".") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return "", false
		}
	}
	return subjectPrefix + string(t), true
}
