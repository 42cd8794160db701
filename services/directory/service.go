// Package directory knows subjects, and the workspaces and projects in which
// they have roles. It is one implementation of its contract: a platform may
// point Chancery at another one, over its own user base.
//
// Every answer is read from the database, and none from memory: tokens are
// minted from what it says.
package directory

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/sweep"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// Deps are what the service stands on.
type Deps struct {
	Stores Stores
	// Registry keeps the apps that workspaces own.
	Registry registryv1.RegistryServiceClient
	// Hints may be nil: other replicas then learn of restrictions by polling.
	Hints *coherent.Hints
	// EventCounted is told of a failed sign-in that was counted and not recorded. Nil:
	// nobody is.
	EventCounted func(ctx context.Context)
	// Log tells what could not be found out beside a change. Nil drops it.
	Log *slog.Logger
	// Counters may be nil: nobody counts then, and Now is not needed.
	Counters Counters
	// Now is a clock for measuring.
	Now func() time.Time
}

// Counters counts what happens, by kind and never by whom.
type Counters interface {
	// SignIn counts an attempt to sign in or to change a password, by one of
	// [SignInOutcomes].
	SignIn(ctx context.Context, outcome string)
	// HashingWait counts how long a call waited to hash a password, and whether it
	// could.
	HashingWait(ctx context.Context, wait time.Duration, got bool)
}

// SignInOutcomes are the words that [Counters.SignIn] is told.
func SignInOutcomes() []string { return credential.Outcomes() }

// Service implements DirectoryService. It is safe for concurrent use.
type Service struct {
	directoryv1.UnimplementedDirectoryServiceServer
	authenticator credential.Authenticator
	subjects      subject.Directory
	workspaces    workspace.Directory
	projects      project.Directory
	memberships   membership.Directory
	attempts      *attempt.Store
	devices       *device.Store
	log           *slog.Logger
}

// New returns the service. The configuration must pass [Config.Check].
func New(cfg Config, deps Deps) *Service { return build(cfg, deps, password.Argon2id) }

// build is New with another way to compute hashes.
func build(cfg Config, deps Deps, kdf password.KDF) *Service {
	st, hints, apps := deps.Stores, deps.Hints, registry{deps.Registry}
	options := password.Options{Params: cfg.Argon2id, Slots: cfg.HashingSlots, Wait: cfg.HashingWait, KDF: kdf, Now: deps.Now}
	authenticator := credential.Authenticator{
		Credentials: st.Credentials, Hints: hints, Counted: deps.EventCounted,
		Attempts: &attempt.Limiter{Attempts: st.Attempts, Limits: cfg.Attempts},
		Devices:  &device.Keeper{Devices: st.Devices, Lifetime: cfg.DeviceLifetime},
	}
	if deps.Counters != nil {
		options.Waited, authenticator.Ended = deps.Counters.HashingWait, deps.Counters.SignIn
	}
	authenticator.Hasher = password.NewHasher(options)
	return &Service{
		authenticator: authenticator,
		subjects:      subject.Directory{Subjects: st.Subjects, Hasher: authenticator.Hasher, Hints: hints},
		workspaces:    workspace.Directory{Workspaces: st.Workspaces, Apps: apps, Hints: hints},
		projects:      project.Directory{Projects: st.Projects, Workspaces: st.Workspaces, Hints: hints},
		memberships:   membership.Directory{Memberships: st.Memberships, Workspaces: st.Workspaces, Apps: apps, Hints: hints},
		attempts:      st.Attempts,
		devices:       st.Devices,
		log:           cmp.Or(deps.Log, slog.New(slog.DiscardHandler)),
	}
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { directoryv1.RegisterDirectoryServiceServer(r, s) }

// Sweeps returns the failed sign-ins that count no more, and the devices that were
// not used for long, for deletion.
func (s *Service) Sweeps() []sweep.Table {
	return slices.Concat(s.attempts.Sweeps(), s.authenticator.Credentials.Sweeps(), s.devices.Sweeps())
}
