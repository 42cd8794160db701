package deploy_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const chartFolder = "deploy/helm/chancery"

// foreign are kinds of other projects, whose types are not here.
var foreign = map[string]bool{
	"cert-manager.io/v1": true, "monitoring.coreos.com/v1": true, "gateway.networking.k8s.io/v1": true,
}

// object is one that the chart makes: a type of Kubernetes, or what it says.
type object struct {
	runtime.Object

	kind, name string
	raw        map[string]any
}

func (o object) String() string { return o.kind + " " + o.name }

// label is one of its labels.
func (o object) label(name string) string {
	return (&unstructured.Unstructured{Object: o.raw}).GetLabels()[name]
}

// role is the service that it belongs to.
func (o object) role() string { return o.label("app.kubernetes.io/component") }

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(filepath.Join(top, chartFolder))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// values are those of a file of testdata.
func values(t *testing.T, name string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]any{}
	if err := yaml.UnmarshalStrict(content, &given); err != nil {
		t.Fatal(err)
	}
	return given
}

// tryRender renders the chart as "helm template" does.
func tryRender(t *testing.T, given map[string]any) (map[string]string, error) {
	t.Helper()
	c := loadChart(t)
	options := chartutil.ReleaseOptions{Name: "test", Namespace: "identity", IsInstall: true}
	all, err := chartutil.ToRenderValues(c, given, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(c, all)
}

// render returns the objects that the chart makes of a file of testdata.
func render(t *testing.T, name string) []object {
	t.Helper()
	files, err := tryRender(t, values(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var list []object
	for path, text := range files {
		if strings.HasSuffix(path, ".txt") || strings.HasSuffix(path, ".tpl") {
			continue
		}
		for document := range strings.SplitSeq("\n"+text, "\n---\n") {
			if o, ok := decode(t, path, document); ok {
				list = append(list, o)
			}
		}
	}
	return list
}

// decode reads one document. A field that its type does not have is an error.
func decode(t *testing.T, path, document string) (object, bool) {
	t.Helper()
	content, err := utilyaml.ToJSON([]byte(document))
	if err != nil {
		t.Fatalf("%s: %v\n%s", path, err, document)
	}
	if bytes.Equal(bytes.TrimSpace(content), []byte("null")) {
		return object{}, false
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(content); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, document)
	}
	o := object{Object: u, kind: u.GetKind(), name: u.GetName(), raw: u.Object}
	if foreign[u.GetAPIVersion()] {
		return o, true
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Strict: true})
	if o.Object, _, err = strict.Decode(content, nil, nil); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, document)
	}
	return o, true
}

// eachValues runs a test with every file of testdata.
func eachValues(t *testing.T, test func(t *testing.T, name string, objects []object)) {
	t.Helper()
	for _, name := range []string{"minimal.yaml", "existing.yaml", "everything.yaml"} {
		t.Run(name, func(t *testing.T) { test(t, name, render(t, name)) })
	}
}

func TestChartHasNoMistakeThatHelmKnows(t *testing.T) {
	kube := chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	for _, name := range []string{"minimal.yaml", "existing.yaml", "everything.yaml"} {
		folder := copyChart(t)
		for _, m := range lint.AllWithKubeVersion(folder, values(t, name), "identity", &kube).Messages {
			if !strings.Contains(m.Err.Error(), "icon is recommended") {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// copyChart copies the chart with what its links lead to, as packaging does.
func copyChart(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "chancery")
	for _, file := range loadChart(t).Raw {
		path := filepath.Join(folder, file.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestChartRefusesWhatWouldNotBeSafe(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"no issuer":                 func(v map[string]any) { delete(v, "issuer") },
		"an issuer without TLS":     func(v map[string]any) { v["issuer"] = "http://id.example.com" },
		"no NATS server":            func(v map[string]any) { delete(v, "nats") },
		"NATS without TLS":          func(v map[string]any) { v["nats"] = map[string]any{"servers": []any{"nats://nats-0:4222"}} },
		"no issuer of certificates": func(v map[string]any) { delete(v, "mutualTLS") },
		"a gateway in the clear":    func(v map[string]any) { delete(v, "gateway") },
		"any version of the image":  func(v map[string]any) { v["image"] = map[string]any{"tag": "latest"} },
		"a value that is not there": func(v map[string]any) { v["isuer"] = "https://id.example.com" },
		"a service that is not there": func(v map[string]any) {
			v["services"] = map[string]any{"tokn": map[string]any{}}
		},
		"a route from nowhere":    func(v map[string]any) { v["httpRoute"] = map[string]any{"enabled": true} },
		"an Ingress in the clear": func(v map[string]any) { v["ingress"] = map[string]any{"enabled": true} },
	} {
		given := values(t, "minimal.yaml")
		change(given)
		if _, err := tryRender(t, given); err == nil {
			t.Errorf("%s: rendered", name)
		}
	}
}

// TestEveryValueIsExplained holds values.yaml, its schema and README.md together.
func TestEveryValueIsExplained(t *testing.T) {
	readme := string(read(t, chartFolder+"/README.md"))
	for _, path := range paths("", loadChart(t).Values) {
		// All services have the fields of the first.
		if strings.HasPrefix(path, "services.") && !strings.HasPrefix(path, "services.gateway.") {
			continue
		}
		path = strings.Replace(path, "services.gateway.", "services.NAME.", 1)
		if !strings.Contains(readme, fmt.Sprintf("`%s`", path)) {
			t.Errorf("README.md lacks %s", path)
		}
	}
}

// whole are values whose inside is Kubernetes' own.
var whole = map[string]bool{
	"podSecurityContext": true, "securityContext": true, "migration.resources": true,
	"services.gateway.resources": true, "monitoring.dashboard.labels": true,
}

// paths are the names of all values.
func paths(prefix string, v map[string]any) (list []string) {
	for name, inner := range v {
		path := strings.TrimPrefix(prefix+"."+name, ".")
		if m, ok := inner.(map[string]any); ok && len(m) > 0 && !whole[path] {
			list = append(list, paths(path, m)...)
			continue
		}
		list = append(list, path)
	}
	return list
}
