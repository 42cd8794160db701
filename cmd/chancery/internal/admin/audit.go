package admin

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// AuditList is "chancery audit list".
type AuditList struct {
	flags
	Type    string `help:"Only of this type, or of types that begin with this word." placeholder:"TYPE"`
	Client  string `help:"Only of this client." placeholder:"CLIENT_ID"`
	Subject string `help:"Only of this user." name:"sub" placeholder:"SUB"`
	Since   since  `help:"Only since this time (RFC 3339), or this long ago (24h)." placeholder:"TIME"`
	Limit   int    `help:"At most this many." default:"100"`
}

// Validate implements kong's check of a command.
func (c *AuditList) Validate() error {
	if c.Limit < 1 {
		return errors.New("--limit must be at least 1")
	}
	return nil
}

// auditPage is how many records one answer has: few enough for any message.
const auditPage = 200

// Run implements the command. It follows pages until it has as many as wanted.
func (c *AuditList) Run(ctx context.Context, s terminal.Streams) error {
	req := &registryv1.ListAuditRecordsRequest{Type: c.Type, ClientId: c.Client, Sub: c.Subject, Since: c.Since.proto(time.Now())}
	wanted := c.Limit
	records, err := all(func(token string) ([]*eventv1.Event, string, error) {
		req.PageToken, req.PageSize = token, int32(min(wanted, auditPage)) //nolint:gosec // G115: at most auditPage
		resp, err := registryv1.NewRegistryServiceClient(c).ListAuditRecords(ctx, req)
		if wanted -= len(resp.GetRecords()); wanted <= 0 {
			return resp.GetRecords(), "", err
		}
		return resp.GetRecords(), resp.GetNextPageToken(), err
	})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "records", "TIME TYPE CALLER CONCERNS", records, eventRow)
}

// counted is how many events one stands for, empty for one that stands for itself.
func counted(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// eventRow is an event for a person: what it concerns is one column of name=id.
func eventRow(e *eventv1.Event) []string {
	var concerns []string
	for _, each := range []struct{ name, value string }{
		{"client", e.GetClientId()},
		{"sub", e.GetSub()},
		{"grant", e.GetGrantId()},
		{"family", e.GetFamilyId()},
		{"session", e.GetSessionId()},
		{"workspace", e.GetWorkspaceId()},
		{"project", e.GetProjectId()},
		{"secret", e.GetSecretId()},
		{"key", e.GetKeyId()},
		{"role", e.GetRole()},
		{"reason", e.GetReason()},
		{"scope", e.GetScope()},
		{"count", counted(e.GetCount())},
	} {
		if each.value != "" {
			concerns = append(concerns, each.name+"="+printable(each.value))
		}
	}
	return []string{e.GetEventTime().AsTime().Format(time.RFC3339), e.GetType(), printable(e.GetCaller()), strings.Join(concerns, " ")}
}

// printable is text without what could move the cursor of a terminal: others may
// be able to write to the stream.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// since is a time, or a time ago. The zero value is no time.
type since struct {
	at  time.Time
	ago time.Duration
}

// UnmarshalText implements encoding.TextUnmarshaler, for kong.
func (i *since) UnmarshalText(text []byte) (err error) {
	if i.at, err = time.Parse(time.RFC3339, string(text)); err == nil {
		return nil
	}
	if i.ago, err = time.ParseDuration(string(text)); err != nil || i.ago <= 0 {
		return errors.New("want a time such as 2026-01-31T12:00:00Z, or how long ago, such as 24h")
	}
	return nil
}

// proto is nil for no time.
func (i since) proto(now time.Time) *timestamppb.Timestamp {
	switch {
	case i.ago > 0:
		return timestamppb.New(now.Add(-i.ago))
	case i.at.IsZero():
		return nil
	default:
		return timestamppb.New(i.at)
	}
}
