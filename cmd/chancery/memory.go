package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	// gcPercent lets garbage grow to four times what is live before it is collected.
	// What is live is small, so that Go's own 100 would collect all the time.
	gcPercent = 400
	// cgroupLimit is where Linux says how much memory the process and its like may
	// have (control groups, version 2).
	cgroupLimit = "/sys/fs/cgroup/memory.max"
	// limitShare is the part of it that Go may use: the rest is for what its
	// collector does not count.
	limitShare = 0.85
)

// tuneMemory sets when garbage is collected, unless the environment does: seldom,
// but before a limit on memory is reached.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if content, err := os.ReadFile(cgroupLimit); err == nil {
		if limit, ok := memoryLimit(string(content)); ok {
			debug.SetMemoryLimit(limit)
		}
	}
}

// memoryLimit reads what a control group says: a number of bytes, or "max".
func memoryLimit(text string) (bytes int64, ok bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 {
		return 0, false
	}
	return int64(float64(n) * limitShare), true
}
