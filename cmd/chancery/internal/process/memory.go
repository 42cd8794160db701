package process

import (
	"context"
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/pause"
)

const (
	// gcPercent lets garbage grow to four times what is live before it is collected.
	// What is live is small, so that Go's own 100 would collect all the time.
	gcPercent = 400
	// cgroups is where Linux says how much memory the members of each control group
	// may have (version 2), and ownCgroup which one this process is in. In a
	// container its own is the first of all, and below systemd it is one of many.
	cgroups   = "/sys/fs/cgroup"
	ownCgroup = "/proc/self/cgroup"
	// limitShare is the part of it that Go may use: the rest is for what its
	// collector does not count.
	limitShare = 0.85
)

// TuneMemory sets when garbage is collected, unless the environment does: seldom,
// but before a limit on memory is reached.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	own, _ := os.ReadFile(ownCgroup) // without it, what is left is the first
	if limit, ok := groupLimit(os.DirFS(cgroups), string(own)); ok {
		debug.SetMemoryLimit(limit)
	}
}

// groupLimit is the least limit of a process's control group, given the content of
// ownCgroup, and of the groups that it is in.
func groupLimit(groups fs.FS, own string) (bytes int64, ok bool) {
	group := "."
	for line := range strings.Lines(own) {
		if name, found := strings.CutPrefix(strings.TrimSpace(line), "0::/"); found {
			group = path.Clean(name)
		}
	}
	for ; ; group = path.Dir(group) {
		content, err := fs.ReadFile(groups, path.Join(group, "memory.max"))
		if limit, is := memoryLimit(string(content)); err == nil && is && (!ok || limit < bytes) {
			bytes, ok = limit, true
		}
		if group == "." || !fs.ValidPath(group) {
			return bytes, ok
		}
	}
}

// collectorPeriod is the time between two looks at what the restrictions take.
const collectorPeriod = time.Second

// tuneCollector lets less garbage grow the more restrictions there are, unless the
// environment says how much: they are live, and make none of it.
func (p *Process) tuneCollector(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	for percent := gcPercent; pause.For(ctx, collectorPeriod); {
		if now := percentBeside(p.replica.Stats().Bytes); now != percent {
			percent = now
			debug.SetGCPercent(percent)
		}
	}
	return nil
}

// percentBeside is the percentage beside so many bytes of restrictions, in steps, so
// that it does not change all the time. The garbage of a load stays below half the room.
func percentBeside(restrictions int64) int {
	const step, least = 32 << 20, 25
	return max(least, gcPercent/int(1+restrictions/step))
}

// memoryLimit reads what a control group says: a number of bytes, or "max".
func memoryLimit(text string) (bytes int64, ok bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 {
		return 0, false
	}
	return int64(float64(n) * limitShare), true
}
