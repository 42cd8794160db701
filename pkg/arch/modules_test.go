package arch_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/modules.txt anew")

const (
	binary      = "../../cmd/chancery"
	modulesFile = "testdata/modules.txt"
)

// The list of modules that the binary links is checked in, so that a new one is
// seen in review. Which version of each, go.mod says.
func TestModulesOfTheBinary(t *testing.T) {
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("cmd/chancery cannot be listed: %v", err)
	}
	listed := goList(t, "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}`, binary)
	modules := strings.Fields(listed)
	slices.Sort(modules)
	got := strings.Join(slices.Compact(modules), "\n") + "\n"

	if *update {
		if err := os.WriteFile(modulesFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(modulesFile)
	if err != nil {
		t.Fatalf("%v\nwrite it with: go test ./pkg/arch -run TestModulesOfTheBinary -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("modules of the binary changed; if that is meant, run go test ./pkg/arch -run TestModulesOfTheBinary -update (-want +got):\n%s", diff)
	}
}

// The third-party contracts are printed from the versions that the product
// links, by a tool with a go.mod of its own.
func TestContractsComeFromTheLinkedVersions(t *testing.T) {
	product := requirements(t, "../../go.mod")
	for path, version := range requirements(t, "../../.ci/tools/protos/go.mod") {
		if linked, ok := product[path]; ok && linked != version {
			t.Errorf(".ci/tools/protos/go.mod has %s %s, go.mod has %s", path, version, linked)
		}
	}
}

// requirements returns the version of each module that a go.mod requires.
func requirements(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			versions[fields[0]] = fields[1]
		}
	}
	return versions
}
