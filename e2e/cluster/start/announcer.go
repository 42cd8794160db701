package main

import (
	"os"
	"sync"
)

// announcer writes to the log, and to who waits for the start until it is over.
type announcer struct {
	mu   sync.Mutex
	pipe *os.File // nil after the start
}

// Write implements [io.Writer]. That nobody listens any more is no failure.
func (a *announcer) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pipe != nil {
		_, _ = a.pipe.Write(p)
	}
	return os.Stdout.Write(p)
}

func (a *announcer) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.pipe.Close() // Nobody can be told.
	a.pipe = nil
}
