package event

// Signal tells one goroutine that there may be something to do. Signals that
// come while one waits to be taken are the same signal. Make it with [NewSignal].
type Signal chan struct{}

// NewSignal returns a signal that nobody has set.
func NewSignal() Signal { return make(Signal, 1) }

// Set never blocks, and may be called by several goroutines at once.
func (s Signal) Set() {
	select {
	case s <- struct{}{}:
	default:
	}
}
