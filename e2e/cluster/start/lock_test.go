package main

import (
	"os"
	"strings"
	"testing"
)

func TestOneSupervisorAFolder(t *testing.T) {
	f := folder{t.TempDir()}
	if pid, err := f.pid(); pid != 0 || err != nil {
		t.Errorf("pid() = %d, %v before the first start", pid, err)
	}
	lock, err := f.acquire()
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := f.pid(); pid != os.Getpid() || err != nil {
		t.Errorf("pid() = %d, %v, want this process", pid, err)
	}
	if _, err := f.acquire(); err == nil || !strings.Contains(err.Error(), "make cluster-stop") {
		t.Errorf("a second start: %v, want what to do", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	// The file is still there, as after a crash.
	if pid, err := f.pid(); pid != 0 || err != nil {
		t.Errorf("pid() = %d, %v after its end", pid, err)
	}
	again, err := f.acquire()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
