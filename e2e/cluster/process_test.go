package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newProcess is one that runs a shell script, and is ready once the file ready
// is in its folder.
func newProcess(t *testing.T, script string) *Process {
	t.Helper()
	dir := t.TempDir()
	p := &Process{
		Name: "test-0", Log: filepath.Join(dir, "log"), pidFile: filepath.Join(dir, "pid"), revive: true,
		report: func(string, ...any) {}, signal: syscall.SIGTERM, death: syscall.SIGKILL,
		command: func() *exec.Cmd {
			cmd := exec.Command("sh", "-c", script)
			cmd.Dir = dir
			return cmd
		},
		ready: func(context.Context) error {
			_, err := os.Stat(filepath.Join(dir, "ready"))
			return err
		},
	}
	t.Cleanup(func() { _ = p.Kill() })
	return p
}

// serves makes its file by itself: a child could outlive it, and write into a folder
// that the test is removing.
const serves = `trap 'exit 0' TERM; echo serving; : >ready; while :; do sleep 0.01; done`

func start(t *testing.T, p *Process) int {
	t.Helper()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.PID()
}

func TestProcessIsAskedToEnd(t *testing.T) {
	p := newProcess(t, serves)
	pid := start(t, p)
	if again := start(t, p); again != pid || pid == 0 {
		t.Errorf("process %d, then %d: a second start is to do nothing", pid, again)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if p.PID() != 0 || syscall.Kill(pid, 0) == nil {
		t.Error("it runs")
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestProcessThatDoesNotEndIsKilled(t *testing.T) {
	p := newProcess(t, strings.Replace(serves, "exit 0", ":", 1))
	start(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop() = %v", err)
	}
	if p.PID() != 0 {
		t.Error("it runs")
	}
}

func TestEndOfAProcessIsReported(t *testing.T) {
	p := newProcess(t, strings.Replace(serves, "exit 0", "exit 3", 1))
	start(t, p)
	var exit *exec.ExitError
	if err := p.Stop(t.Context()); !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(err.Error(), "serving") {
		t.Errorf("Stop() = %v, want status 3 and what it said", err)
	}
}

func TestProcessThatIsNeverReadyIsNotRevived(t *testing.T) {
	p := newProcess(t, `echo no such file; exit 1`)
	if err := p.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("Start() = %v, want what it said", err)
	}
	if p.PID() != 0 {
		t.Error("it runs")
	}
}

func TestProcessThatDiesIsRevived(t *testing.T) {
	p := newProcess(t, serves)
	pid := start(t, p)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	deadline, tick := time.After(20*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for p.PID() == 0 || p.PID() == pid {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not come back")
		}
	}
	if line := (Line{PIDFile: p.pidFile}); line.PID() != p.PID() {
		t.Errorf("the file says %d, want %d", line.PID(), p.PID())
	}
}

func TestProcessThatIsKilledStaysSo(t *testing.T) {
	p := newProcess(t, serves)
	first := start(t, p)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if p.PID() != 0 {
		t.Error("it runs")
	}
	if err := p.Pause(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Pause() = %v", err)
	}
	if second := start(t, p); second == 0 || second == first {
		t.Errorf("process %d after %d", second, first)
	}
}

func TestAddressesStayTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ports.json")
	choose := func() map[string]string {
		p, err := openPorts(path)
		if err != nil {
			t.Fatal(err)
		}
		p.prefer("a", lowestPort-1)
		chosen := map[string]string{}
		for _, name := range []string{"a", "b"} {
			if chosen[name], err = p.address(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.save(); err != nil {
			t.Fatal(err)
		}
		return chosen
	}
	first := choose()
	if second := choose(); second["b"] != first["b"] || second["a"] != first["a"] || first["a"] == first["b"] {
		t.Errorf("addresses %v, then %v", first, second)
	}
	l, err := net.Listen("tcp", first["b"])
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if third := choose(); third["b"] == first["b"] {
		t.Errorf("%s is taken, and was chosen", third["b"])
	}
}
