package deploy_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	result, err := parser.Parse(bytes.NewReader(read(t, "deploy/Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range result.Warnings {
		t.Errorf("warning: %s", w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, _ []parser.Range) {
		t.Errorf("%s: %s", rule, message)
	}})
	stages, _, err := instructions.Parse(result.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

func TestImageHasNothingButTheBinaryAndIsNobody(t *testing.T) {
	all := stages(t)
	final := all[len(all)-1]
	if final.BaseName != "scratch" {
		t.Errorf("the image is made from %s", final.BaseName)
	}
	var user string
	var entrypoint, healthcheck []string
	for _, command := range final.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user, _, _ = strings.Cut(c.User, ":")
		case *instructions.EntrypointCommand:
			entrypoint = c.CmdLine
		case *instructions.HealthCheckCommand:
			healthcheck = c.Health.Test
		case *instructions.AddCommand, *instructions.RunCommand:
			t.Errorf("%s in the final stage", c.Name())
		}
	}
	if id, err := strconv.Atoi(user); err != nil || id == 0 {
		t.Errorf("the user is %q, want a number that is not root's", user)
	}
	if !slices.Equal(entrypoint, []string{"/chancery"}) {
		t.Errorf("the entrypoint is %q", entrypoint)
	}
	if len(healthcheck) < 2 || healthcheck[0] != "CMD" || healthcheck[1] != "/chancery" {
		t.Errorf("the health check is %q, and there is no shell", healthcheck)
	}
}

func TestBinaryOfTheImageIsStaticAndReproducible(t *testing.T) {
	var build string
	for _, command := range stages(t)[0].Commands {
		if run, ok := command.(*instructions.RunCommand); ok {
			build += strings.Join(run.CmdLine, " ")
		}
	}
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "-mod=readonly", "GOTOOLCHAIN=local", "-buildid="} {
		if !strings.Contains(build, want) {
			t.Errorf("the build lacks %s: %s", want, build)
		}
	}
}

func TestImageIsBuiltWithTheGoOfTheModule(t *testing.T) {
	const base = "golang:1.26."
	if got := stages(t)[0].BaseName; !strings.HasPrefix(got, base) {
		t.Errorf("built from %s, want %s…", got, base)
	}
	if !bytes.Contains(read(t, "go.mod"), []byte("\ngo 1.26.")) {
		t.Error("the module wants another Go")
	}
}
