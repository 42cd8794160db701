package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The example of the documentation is a platform of the name that the demo's
// workspace has; no app of a workspace may be called so.
func TestDemoIsThereWhateverThePlatformIsCalled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "acme.yaml")
	if err := os.WriteFile(file, []byte("name: acme\nbrand: {name: ACME}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--preset", file)
	if page := s.get(s.Issuer + "/apps"); !strings.Contains(page, "Weekly report") {
		t.Errorf("the directory of apps is\n%s", page)
	}
	if s.Demo.Preset != "acme" {
		t.Errorf("the demo is of the preset %q", s.Demo.Preset)
	}
}

// The clients of a demo have the scopes and the credentials of its preset.
func TestDemoOfAnotherPresetIsRefused(t *testing.T) {
	for name, stored := range map[string]string{"one that names it": `{"preset": "railway"}`, "one of an earlier version": `{}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "demo.json"), []byte(stored), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errOut := command(t, "serve", "--demo", "--data", dir, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--preset", "roboflow")
		if code == 0 || !strings.Contains(errOut, "choose another folder with --data") {
			t.Errorf("%s: exit code %d: %s", name, code, errOut)
		}
	}
}

// A demo that was begun and not finished cannot be gone on with.
func TestUnfinishedDemoIsSaid(t *testing.T) {
	dir := t.TempDir()
	t.Run("the first start", func(t *testing.T) { serve(t, "--data", dir) })
	if err := os.Remove(filepath.Join(dir, "demo.json")); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := command(t, "serve", "--demo", "--data", dir, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
	if code == 0 || !strings.Contains(errOut, "not finished: remove the folder") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
}

func TestClientWithoutNameIsAskedForOne(t *testing.T) {
	code, _, errOut := command(t, "client", "create", "--data", t.TempDir())
	if code == 0 || !strings.Contains(errOut, "missing flags: --name=NAME") {
		t.Errorf("exit code %d: %s", code, errOut)
	}
}
