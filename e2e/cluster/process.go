package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyPeriod = 20 * time.Millisecond
	// readyTimeout is no measurement: the machine may be busy.
	readyTimeout = time.Minute
	// tailLines is how much of a log is shown with a failure.
	tailLines = 15
	// A process that dies is started again after firstDelay, then after twice
	// as long each time, at most lastDelay. One that has lived for stable
	// starts at firstDelay again.
	firstDelay = 200 * time.Millisecond
	lastDelay  = 10 * time.Second
	stable     = 30 * time.Second
)

// ErrNotRunning is returned for a signal to a process that has ended.
var ErrNotRunning = errors.New("process does not run")

// Process is one process of the cluster. Its methods are safe for concurrent
// use; what they do is not undone by the supervision of the cluster.
type Process struct {
	// Name is unique, such as token-1.
	Name string
	// GRPC, HTTP and Internal are the addresses it serves, as host:port. Empty
	// means that it has none of the kind.
	GRPC, HTTP, Internal string
	// Log is the file with everything it has said.
	Log string

	pidFile string // has its process id, also after its end
	command func() *exec.Cmd
	ready   func(ctx context.Context) error
	signal  syscall.Signal // asks it to end
	death   syscall.Signal // what it gets when this process dies
	report  func(format string, args ...any)
	revive  bool // started again when it dies

	mu    sync.Mutex
	run   *run // nil before the first start
	delay time.Duration
}

// run is the life of a process from one start to its end.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed at the end
	err  error         // how it ended; set before done is closed
	// Guarded by Process.mu:
	wanted bool // not asked to end
	ready  bool // has been ready, or took over from one that has
}

// Start starts the process unless it runs, and waits until it is ready.
func (p *Process) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	r, err := p.launch()
	if err != nil {
		return err
	}
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	for {
		err := p.ready(ctx)
		if err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			r.ready = true
			return nil
		}
		select {
		case <-tick.C:
		case <-r.done:
			return fmt.Errorf("%s ended before it was ready: %w\n%s", p.Name, r.err, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.Name, err, p.tail())
		}
	}
}

// launch starts the process unless it runs.
func (p *Process) launch() (*run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil && p.run.alive() {
		return p.run, nil
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // The child has its own.
	r := &run{cmd: p.command(), done: make(chan struct{}), wanted: true}
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if r.cmd.SysProcAttr == nil {
		r.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	bind(r.cmd.SysProcAttr, p.death)
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.run = r
	go p.watch(r)
	return r, os.WriteFile(p.pidFile, fmt.Appendln(nil, r.cmd.Process.Pid), 0o600)
}

// watch waits for the end of a run, and starts the next when it was not asked for.
func (p *Process) watch(r *run) {
	settled := time.AfterFunc(stable, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.delay = 0
	})
	r.err = r.cmd.Wait()
	settled.Stop()
	close(r.done)
	p.mu.Lock()
	delay := min(max(2*p.delay, firstDelay), lastDelay)
	p.delay = delay
	again := p.revive && r.wanted && r.ready
	p.mu.Unlock()
	if !again {
		return
	}
	p.report("%s died (%s), starting it again in %s; its log: %s", p.Name, ending(r.err), delay, p.Log)
	time.AfterFunc(delay, func() { p.relaunch(r) })
}

// relaunch starts the process again unless somebody else has, or it is not
// wanted any more.
func (p *Process) relaunch(dead *run) {
	p.mu.Lock()
	wanted := p.run == dead && dead.wanted
	p.mu.Unlock()
	if !wanted {
		return
	}
	next, err := p.launch()
	if err != nil {
		p.report("%v", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next.ready = true
}

// Stop asks the process to end, and waits until it has. It returns how the
// process ended: nil for status 0. If ctx ends first, the process is killed.
func (p *Process) Stop(ctx context.Context) error {
	r, err := p.end(p.signal)
	if err != nil {
		return nil //nolint:nilerr // It does not run, which is what was asked for.
	}
	select {
	case <-r.done:
		if r.err != nil {
			return fmt.Errorf("%s: %w\n%s", p.Name, r.err, p.tail())
		}
		return nil
	case <-ctx.Done():
		_ = r.cmd.Process.Kill() // it may have ended in between
		<-r.done
		return fmt.Errorf("%s did not end: %w", p.Name, ctx.Err())
	}
}

// Kill ends the process without any warning. It is started again by Start
// alone. Fails with [ErrNotRunning].
func (p *Process) Kill() error {
	r, err := p.end(syscall.SIGKILL)
	if err != nil {
		return err
	}
	<-r.done
	return nil
}

// end sends the last signal of a run.
func (p *Process) end(s syscall.Signal) (*run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return nil, ErrNotRunning
	}
	p.run.wanted = false
	if !p.run.alive() {
		return nil, ErrNotRunning
	}
	return p.run, p.run.cmd.Process.Signal(s)
}

// Pause stops the process where it is; its connections stay open.
func (p *Process) Pause() error { return p.send(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.send(syscall.SIGCONT) }

func (p *Process) send(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || !p.run.alive() {
		return ErrNotRunning
	}
	return p.run.cmd.Process.Signal(s)
}

// PID is its process id, or 0 when it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || !p.run.alive() {
		return 0
	}
	return p.run.cmd.Process.Pid
}

func (r *run) alive() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// tail is the end of the log.
func (p *Process) tail() string {
	content, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.SplitAfter(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "")
}

// ending says how a process ended.
func ending(err error) string {
	if err == nil {
		return "status 0"
	}
	return err.Error()
}

// runOnce runs a program to its end, and returns what it printed.
func runOnce(cmd *exec.Cmd, input string) ([]byte, error) {
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// reporter prints a line for a person.
func reporter(w io.Writer) func(format string, args ...any) {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, format+"\n", args...)
	}
}
