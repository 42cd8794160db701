package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/deploy/presets"
)

func TestPresetListIsAContract(t *testing.T) {
	code, out, errOut := command(t, "preset", "list", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	var answer struct {
		Presets []struct {
			Name       string
			Brand      string
			IssuerPath string `json:"issuer_path"`
			Scopes     int
		}
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(answer.Presets))
	for _, p := range answer.Presets {
		names = append(names, p.Name)
		if p.Brand == "" || p.Scopes == 0 {
			t.Errorf("%+v lacks something", p)
		}
	}
	if diff := cmp.Diff(presets.Names(), names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if _, out, _ := command(t, "preset", "list"); !strings.Contains(out, "ISSUER") || !strings.Contains(out, "https://HOST/oauth") {
		t.Errorf("the table is\n%s", out)
	}
}

// What is shown is a file to begin with.
func TestShownPresetIsFine(t *testing.T) {
	for _, name := range presets.Names() {
		code, out, errOut := command(t, "preset", "show", name)
		if code != 0 {
			t.Fatalf("%s: exit code %d: %s", name, code, errOut)
		}
		path := filepath.Join(t.TempDir(), "acme.yaml")
		if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, errOut := command(t, "preset", "check", path); code != 0 || !strings.Contains(out, "is fine: preset "+name) {
			t.Errorf("%s: exit code %d: %s%s", name, code, out, errOut)
		}
	}
}

func TestPresetCheckTellsEveryMistake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acme.yaml")
	if err := os.WriteFile(path, []byte("name: acme\nlifetimes: {code: 11m}\nrefresh: {public: never}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := command(t, "preset", "check", path)
	if code != exitFailed || strings.Count(out, "\n") != 2 || !strings.Contains(out, path+":2:19: lifetimes.code: ") || !strings.Contains(errOut, "2 to correct") {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
	_, out, _ = command(t, "preset", "check", path, "--json")
	var found struct {
		OK       bool
		Mistakes []config.Mistake
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil || found.OK || len(found.Mistakes) != 2 || found.Mistakes[1].Line != 3 {
		t.Errorf("--json prints %s, %v", out, err)
	}
}

// What only a page can tell is told as well: whether people can read it.
func TestPresetCheckLooksAtTheBrand(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "acme.yaml")
	for content, want := range map[string]string{
		"name: acme\nbrand: {accent_light: \"#eeeeee\"}\n":   "contrast",
		"name: acme\nbrand: {logo_file: none.png}\n":         filepath.Join(folder, "none.png"),
		"name: acme\nbrand: {accent_light: \"#1f5fbf\"}\n\n": "",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errOut := command(t, "preset", "check", path)
		if (code == 0) != (want == "") || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit code %d: %s, want %q", content, code, errOut, want)
		}
	}
}
