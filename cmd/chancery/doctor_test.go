package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"

	"github.com/chancery-auth/chancery/pkg/kek"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
)

// configFile writes a file, and returns its path.
func configFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chancery.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const fineConfig = "issuer: https://id.acme.io\nmutual_tls: {authority: a, certificate: b, key: c}\ngateway: {trusted_proxies: [10.0.0.0/8]}\n"

func TestConfigCheckSaysFineOrEverythingThatIsWrong(t *testing.T) {
	fine := configFile(t, fineConfig)
	if code, out, _ := command(t, "config", "check", "--config", fine); code != 0 || !strings.Contains(out, fine+" is fine.") {
		t.Errorf("check = %q, %d", out, code)
	}
	if code, out, _ := command(t, "config", "check", "--config", fine, "gateway"); code != 0 || !strings.Contains(out, fine+" is fine for gateway.") {
		t.Errorf("check gateway = %q, %d", out, code)
	}
	code, out, errs := command(t, "config", "check", "--config", fine, "gateway,token")
	if code != exitFailed || strings.Count(out, "is required") != 4 || !strings.Contains(errs, "4 to correct") {
		t.Errorf("check gateway,token = %q, %q, %d", out, errs, code)
	}
	if code, _, _ := command(t, "config", "check", "--config", fine+"x"); code != exitFailed {
		t.Errorf("check of no file exits with %d", code)
	}
}

func TestConfigCheckPrintsJSON(t *testing.T) {
	code, out, _ := command(t, "config", "check", "--json", "--config", configFile(t, strings.Replace(fineConfig, "acme.io", "example.com", 1)), "gateway")
	var found struct {
		OK       bool
		Mistakes []config.Mistake
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err)
	}
	if code != exitFailed || found.OK || len(found.Mistakes) != 1 || found.Mistakes[0].Key != "issuer" || found.Mistakes[0].Line != 1 {
		t.Errorf("check = %+v, %d", found, code)
	}
}

func TestConfigPrint(t *testing.T) {
	code, reference, _ := command(t, "config", "print", "--defaults")
	if code != 0 {
		t.Fatalf("print --defaults exits with %d", code)
	}
	if code, _, errs := command(t, "config", "check", "--config", configFile(t, reference)); code != 0 {
		t.Errorf("the reference is not fine: %s", errs)
	}
	fine := configFile(t, fineConfig)
	if _, out, _ := command(t, "config", "print", "--config", fine); strings.Contains(out, "drain:") || !strings.Contains(out, "issuer: https://id.acme.io\n") {
		t.Errorf("print = %q", out)
	}
	if _, out, _ := command(t, "config", "print", "--config", fine, "--defaults"); !strings.Contains(out, "delay: 5s  # default\n") {
		t.Errorf("print --defaults = %q", out)
	}
	if code, _, _ := command(t, "config", "print"); code != exitFailed {
		t.Errorf("print of nothing exits with %d", code)
	}
}

func TestDoctorFailsWithAFinding(t *testing.T) {
	code, out, errs := command(t, "doctor", "--config", configFile(t, "issuer: x\n"))
	if code != exitFailed || !strings.HasPrefix(out, "FAIL  configuration: ") || !strings.Contains(errs, "1 of 1 checks fail") {
		t.Errorf("doctor = %q, %q, %d", out, errs, code)
	}
	if code, out, _ := command(t, "doctor", "--data", filepath.Join(t.TempDir(), "none")); code != exitFailed || !strings.HasPrefix(out, "FAIL  data folder: ") {
		t.Errorf("doctor of no folder = %q, %d", out, code)
	}
}

func TestDoctorLooksAtADataFolder(t *testing.T) {
	data := t.TempDir()
	if err := os.Chmod(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := command(t, "doctor", "--data", data); code != exitFailed || !strings.Contains(out, "FAIL  key-encryption key: ") {
		t.Errorf("doctor of an empty folder = %q, %d", out, code)
	}
	if _, err := kek.Open("file:"+folder.Folder{Data: data}.KEKFile(), kek.Create()); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command(t, "migrate", "up", "--data", data); code != 0 {
		t.Fatal(errs)
	}
	code, out, _ := command(t, "doctor", "--json", "--data", data)
	var found struct {
		OK     bool
		Checks []struct{ Check, Status, Message string }
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"data folder": "ok", "key-encryption key": "ok", "database migrations": "ok", "server": "warn"}
	if code != 0 || !found.OK || len(found.Checks) != len(want) {
		t.Errorf("doctor = %+v, %d", found, code)
	}
	for _, each := range found.Checks {
		if each.Status != want[each.Check] {
			t.Errorf("%s: %s %s, want %s", each.Check, each.Status, each.Message, want[each.Check])
		}
	}
}
