// Package doctor looks whether what a process needs is there and safe: its
// certificates, keys, database, NATS servers and peers. It changes nothing.
//
// A check is a name and a function, in the table of its kind; it finds one thing
// out and says what to do about it. No check shows a secret.
package doctor

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/pkg/migrate"
)

const (
	// timeout bounds a check.
	timeout = 5 * time.Second
	// atOnce is how many checks run at the same time.
	atOnce = 16
)

// Status is the outcome of a check. The empty status is that of a check that has
// nothing to say, because another has found the reason.
type Status string

// The outcomes.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "FAIL"
)

// Finding is what a check has found.
type Finding struct {
	Status  Status `json:"status"`
	Message string `json:"message"`
	// Fix says what to do; empty for OK.
	Fix string `json:"fix,omitempty"`
}

// Result is a finding with the name of its check.
type Result struct {
	Check string `json:"check"`
	Finding
}

// Check finds one thing out.
type Check struct {
	Name string
	Run  func(ctx context.Context) Finding
}

// Good is a finding with nothing to do.
func Good(format string, args ...any) Finding {
	return Finding{Status: OK, Message: fmt.Sprintf(format, args...)}
}

// Odd is a finding that should be looked at.
func Odd(format string, args ...any) Finding {
	return Finding{Status: Warn, Message: fmt.Sprintf(format, args...)}
}

// Bad is a finding with which the process cannot run, or not safely.
func Bad(format string, args ...any) Finding {
	return Finding{Status: Fail, Message: fmt.Sprintf(format, args...)}
}

// Do is the finding with what to do about it.
func (f Finding) Do(format string, args ...any) Finding {
	f.Fix = fmt.Sprintf(format, args...)
	return f
}

// Run runs checks side by side, each with its own time limit, and yields what
// they find in their order, as soon as it is known.
func Run(ctx context.Context, checks []Check) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		found := make([]chan Finding, len(checks))
		slots := make(chan struct{}, atOnce)
		for i, check := range checks {
			found[i] = make(chan Finding, 1)
			go func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				found[i] <- check.bounded(ctx)
			}()
		}
		for i, check := range checks {
			finding := <-found[i]
			if finding.Status != "" && !yield(Result{check.Name, finding}) {
				return
			}
		}
	}
}

func (c Check) bounded(ctx context.Context) Finding {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.Run(ctx)
}

// Subject is what is looked at.
type Subject struct {
	// Config is loaded, and validated for the roles.
	Config *config.Config
	// Roles are those of the process; none are those in its certificate.
	Roles []string
	// Sets are the migrations that the database should have.
	Sets []migrate.Set
	Now  func() time.Time
}

// Checks are all that concern the subject. The caller calls done once they have
// run.
func (s Subject) Checks() (checks []Check, done func()) {
	identity := newIdentity(s)
	if len(s.Roles) == 0 {
		s.Roles = identity.roles()
		identity.Roles = s.Roles
	}
	databases := s.databases()
	checks = append(checks, identity.checks()...)
	checks = append(checks, s.keyChecks(databases)...)
	for _, d := range databases {
		checks = append(checks, d.checks()...)
	}
	checks = append(checks, s.natsChecks(identity)...)
	checks = append(checks, s.serviceChecks(identity)...)
	checks = append(checks, IssuerCheck(s.Config.Issuer))
	return checks, func() {
		for _, d := range databases {
			d.close()
		}
	}
}
