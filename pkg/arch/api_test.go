package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rpcLine is the declaration of a method in a contract.
var rpcLine = regexp.MustCompile(`(?m)^  rpc (\w+)\(`)

// TestAPIReference holds docs/api.md against the contracts: every method has a row
// in the section of its service.
func TestAPIReference(t *testing.T) {
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../proto/chancery/*/v1/*_service.proto")
	if err != nil || len(files) == 0 {
		t.Fatalf("contracts: %v, %v", files, err)
	}
	for _, file := range files {
		contract, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		path, _ := filepath.Rel("../..", file)
		_, section, found := strings.Cut(string(page), "(../"+path+")")
		if !found {
			t.Errorf("docs/api.md does not name %s", path)
			continue
		}
		section, _, _ = strings.Cut(section, "\n### ")
		methods := rpcLine.FindAllStringSubmatch(string(contract), -1)
		for _, m := range methods {
			if !strings.Contains(section, "| `"+m[1]+"` |") {
				t.Errorf("docs/api.md lacks %s of %s", m[1], path)
			}
		}
		if rows := strings.Count(section, "\n| `"); rows != len(methods) {
			t.Errorf("docs/api.md has %d methods of %s, which has %d", rows, path, len(methods))
		}
	}
}
