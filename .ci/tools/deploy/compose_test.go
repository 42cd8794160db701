package deploy_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// project is compose.yaml as Compose reads it, without an environment: whatever
// it needed from there would be missed.
func project(t *testing.T) *types.Project {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join(top, "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  folder,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(folder, "compose.yaml")}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.SetProjectName("chancery", true)
		o.Profiles = []string{"*"}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeRunsEveryServiceMoreThanOnce(t *testing.T) {
	p := project(t)
	for _, role := range roles() {
		want := 2
		if role == "introspection" {
			want = 3
		}
		service, ok := p.Services[role]
		if !ok {
			t.Errorf("there is no %s", role)
			continue
		}
		if service.GetScale() != want {
			t.Errorf("%s: %d replicas, want %d", role, service.GetScale(), want)
		}
		if want := []string{"run", role, "--config", "/etc/chancery/chancery.yaml"}; !slices.Equal(service.Command, want) {
			t.Errorf("%s runs %q, want %q", role, service.Command, want)
		}
	}
	for _, name := range []string{"nats-0", "nats-1", "nats-2", "postgres", "balancer", "prometheus", "grafana"} {
		if _, ok := p.Services[name]; !ok {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestComposeServicesCanDoNoMoreThanTheyNeed(t *testing.T) {
	for name, service := range project(t).Services {
		if !slices.Contains(service.SecurityOpt, "no-new-privileges:true") || service.Privileged {
			t.Errorf("%s may get new privileges", name)
		}
		if name != "postgres" && (!service.ReadOnly || !slices.Equal(service.CapDrop, []string{"ALL"})) {
			t.Errorf("%s has a writable root or capabilities", name)
		}
		if _, tag, _ := strings.Cut(service.Image, ":"); tag == "" || tag == "latest" {
			t.Errorf("%s: the version of the image %s is not said", name, service.Image)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes a port to others than this machine", name)
			}
		}
	}
}

func TestComposeServicesThatStayAreWatched(t *testing.T) {
	p := project(t)
	for name, service := range p.Services {
		if service.Restart != "unless-stopped" {
			continue
		}
		if service.HealthCheck == nil || len(service.HealthCheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		if slices.Contains(roles(), name) && service.HealthCheck.Test[1] != "/chancery" {
			t.Errorf("%s: %q needs a program that the image has not", name, service.HealthCheck.Test)
		}
	}
}

// A service sees its own secrets and certificate and nobody else's.
func TestComposeServiceSeesOnlyItsOwnSecrets(t *testing.T) {
	p := project(t)
	for _, role := range roles() {
		for _, volume := range p.Services[role].Volumes {
			if volume.Source != "material" {
				continue
			}
			own := volume.Volume != nil && slices.Contains([]string{"tls/" + role, "keys/" + role}, volume.Volume.Subpath)
			if !own || !volume.ReadOnly {
				t.Errorf("%s: %s is more than its own, or writable", role, volume.Target)
			}
		}
	}
	for _, each := range p.Services["gateway"].Volumes {
		if strings.HasSuffix(each.Target, "/keys") {
			t.Error("the gateway has keys")
		}
	}
}

func TestComposeHasNoPassword(t *testing.T) {
	for name, service := range project(t).Services {
		for variable, value := range service.Environment {
			secret := strings.Contains(variable, "PASSWORD") || strings.Contains(variable, "SECRET") || strings.Contains(variable, "KEY")
			if secret && (value == nil || !strings.Contains(*value, "/")) {
				t.Errorf("%s: %s is in the file", name, variable)
			}
		}
	}
}

func TestComposeMountsFilesThatAreThere(t *testing.T) {
	for name, service := range project(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			relative, err := filepath.Rel(mustAbs(t, top), volume.Source)
			if err != nil {
				t.Fatal(err)
			}
			if !volume.ReadOnly {
				t.Errorf("%s may change %s", name, relative)
			}
			read(t, relative)
		}
	}
}

func TestComposeServicesReachWhatTheyCall(t *testing.T) {
	p := project(t)
	for caller, called := range calls(t) {
		for _, callee := range append(called, natsUnlessGateway(caller)...) {
			if !share(p.Services[caller].Networks, p.Services[callee].Networks) {
				t.Errorf("%s has no network with %s", caller, callee)
			}
		}
	}
	if share(p.Services["gateway"].Networks, p.Services["postgres"].Networks) {
		t.Error("the gateway reaches the database")
	}
}

func natsUnlessGateway(role string) []string {
	if role == "gateway" {
		return nil
	}
	return []string{"nats-0", "nats-1", "nats-2", "postgres"}
}

func share(a, b map[string]*types.ServiceNetworkConfig) bool {
	for name := range a {
		if _, ok := b[name]; ok {
			return true
		}
	}
	return false
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

func TestConfigurationOfComposeIsFine(t *testing.T) {
	checkConfig(t, read(t, "deploy/compose/chancery.yaml"))
}
