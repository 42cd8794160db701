package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// What lets in to the database stands in no list of processes, profile, metric or
// log.
func TestThePasswordOfTheDatabaseIsNotShown(t *testing.T) {
	const password = "pa55word-of-the-database"
	address := pgtest.URL(t)
	separator := "?"
	if strings.Contains(address, separator) {
		separator = "&"
	}
	address += separator + "password=" + password
	out, err := exec.Command(program(), "migrate", "up", "--database", address).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "CHANCERY_DATABASE") || strings.Contains(string(out), password) {
		t.Errorf("a password on the command line: %v: %s", err, out)
	}

	t.Setenv("CHANCERY_DATABASE", address)
	if out, err := exec.Command(program(), "migrate", "up").CombinedOutput(); err != nil {
		t.Fatalf("migrate up: %v\n%s", err, out)
	}
	s := start(t)
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"the list of processes": string(line), "the log": s.log.String()}
	for _, path := range []string{
		"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/metrics", "/readyz",
	} {
		_, body := ask(t, http.MethodGet, "http://"+s.Internal+path, nil)
		shown[path] = string(body)
	}
	for where, content := range shown {
		if content == "" || strings.Contains(content, password) {
			t.Errorf("%s has the password, or nothing: %.200q", where, content)
		}
	}
}
