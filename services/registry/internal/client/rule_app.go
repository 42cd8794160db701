package client

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
)

const maxDescriptionLength = 500 // in code points

// descriptionReadsAsWritten is for the directory of apps what
// nameReadsAsWritten is for the consent page. It is longer than a name, so that
// words of several alphabets are no trap.
func descriptionReadsAsWritten(c Client, _ Policy) error {
	text := c.Description
	switch {
	case !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxDescriptionLength:
		return fault.New(fault.Invalid, "description must have at most 500 characters")
	case !norm.NFC.IsNormalString(text):
		return fault.New(fault.Invalid, "description must be in Unicode normalization form C")
	case strings.ContainsFunc(text, invisible):
		return fault.New(fault.Invalid, "description must not have line ends, nor control, direction, zero-width or invisible characters, nor spaces other than the ordinary one")
	case strings.TrimSpace(text) != text:
		return fault.New(fault.Invalid, "description must not begin or end with a space")
	case stacksMarks(text):
		return fault.New(fault.Invalid, "description must not begin with a combining mark, nor have more than four in a row")
	case mixesScripts(text):
		return fault.New(fault.Invalid, "description must not mix look-alike alphabets, such as Latin and Cyrillic, in one word")
	}
	return nil
}

func ownerKnown(c Client, _ Policy) error {
	if c.WorkspaceID == "" {
		return nil
	}
	// The one spelling that the directory has.
	if id, err := uuid.Parse(c.WorkspaceID); err != nil || id.String() != c.WorkspaceID {
		return fault.New(fault.Invalid, "workspace_id must be a UUID")
	}
	return nil
}

func visibilityKnown(c Client, _ Policy) error {
	switch c.Visibility {
	case Internal, Unlisted, Public:
		return nil
	}
	return fault.New(fault.Invalid, "visibility must be internal, unlisted or public")
}

func internalHasOwner(c Client, _ Policy) error {
	if c.Visibility == Internal && c.WorkspaceID == "" {
		return fault.New(fault.Invalid, "visibility of a client without workspace_id must not be internal")
	}
	return nil
}

func kindKnown(c Client, p Policy) error {
	named := func(k preset.ClientKind) bool { return k.Name == c.ClientKind }
	if c.ClientKind != "" && !slices.ContainsFunc(p.Clients.Kinds, named) {
		return fault.New(fault.Invalid, "client_kind must be one of the provider's kinds of client")
	}
	return nil
}

// registeredAsPreset: operators decide what such clients are by the preset alone,
// and none may show up in the directory of apps.
func registeredAsPreset(c Client, p Policy) error {
	switch {
	case !c.Registered():
		return nil
	case c.WorkspaceID != "":
		return fault.New(fault.Invalid, "workspace_id is not for a client that registered itself")
	case c.Visibility != Unlisted:
		return fault.New(fault.Invalid, "visibility of a client that registered itself must be unlisted")
	case c.ClientKind != p.Registration.ClientKind:
		return fault.New(fault.Invalid, "client_kind of a client that registered itself must be the provider's for such clients")
	}
	return nil
}

func applicationTypeStays(old, c Client) error {
	if c.ApplicationType != old.ApplicationType {
		return fault.New(fault.Invalid, "application_type cannot be changed")
	}
	return nil
}

func ownerStays(old, c Client) error {
	if c.WorkspaceID != old.WorkspaceID {
		return fault.New(fault.Invalid, "workspace_id cannot be changed")
	}
	return nil
}
