package deploy_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// units are the unit files.
func units(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, "deploy/systemd/*.service"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d units, error %v", len(files), err)
	}
	list := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		list[name] = string(read(t, "deploy/systemd/"+name))
	}
	return list
}

func TestUnitsAreConfined(t *testing.T) {
	for name, text := range units(t) {
		for _, want := range []string{
			"NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes",
			"CapabilityBoundingSet=\n", "MemoryDenyWriteExecute=yes", "SystemCallFilter=@system-service", "RestrictNamespaces=yes",
		} {
			if !strings.Contains(text, "\n"+want) {
				t.Errorf("%s lacks %s", name, strings.TrimSpace(want))
			}
		}
		if !strings.Contains(text, "\nUser=chancery\n") && !strings.Contains(text, "\nDynamicUser=yes\n") {
			t.Errorf("%s runs as root", name)
		}
	}
}

// TestUnitsAreWhatSystemdUnderstands asks systemd, on machines that have it.
func TestUnitsAreWhatSystemdUnderstands(t *testing.T) {
	systemd, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("there is no systemd here")
		return
	}
	for name, text := range units(t) {
		// The binary is not installed here, and a template needs an instance.
		name = strings.Replace(name, "@.", "@token.", 1)
		path := writeFile(t, name, strings.ReplaceAll(text, "/usr/local/bin/chancery", "/bin/true"))
		out, err := exec.CommandContext(t.Context(), systemd, "verify", "--man=no", path).CombinedOutput()
		if err != nil || strings.Contains(string(out), name) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// The name in it is for examples, which a process refuses.
func TestConfigurationOfUnitsIsFine(t *testing.T) {
	const example, own = "https://auth.example.com", "https://auth.acme-platform.com"
	text := string(read(t, "deploy/systemd/chancery.yaml"))
	if !strings.Contains(text, example) {
		t.Errorf("the issuer is not %s", example)
	}
	checkConfig(t, []byte(strings.Replace(text, example, own, 1)))
}
