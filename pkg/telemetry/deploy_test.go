package telemetry_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

const (
	rulesFile     = "../../deploy/prometheus/alerts.yml"
	dashboardFile = "../../deploy/grafana/chancery.json"
	runbook       = "https://github.com/chancery-auth/chancery/blob/main/docs/operating.md#"
)

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// rules are the alerts that are shipped.
func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func TestAlertsSayWhatToDo(t *testing.T) {
	var names []string
	for _, r := range rules(t) {
		names = append(names, r.Alert)
		if _, err := time.ParseDuration(r.For); err != nil {
			t.Errorf("%s: for: %v", r.Alert, err)
		}
		if s := r.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s says too little", r.Alert)
		}
		if got, want := r.Annotations["runbook_url"], runbook+strings.ToLower(r.Alert); got != want {
			t.Errorf("%s: runbook_url = %s, want %s", r.Alert, got, want)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{
		"CertificateExpires", "CodeReplay", "ConnectionsRefused", "DatabaseIdentityChanged", "ErrorRate", "KeyTooOld", "LatencyHigh", "LeaseOld",
		"OutboxLag", "PasswordGuessing", "PollFailing", "PoolExhausted", "RefreshReuseSpike", "ReplicaNotReady", "RestrictionsLost",
		"RestrictionsNearCap",
		"StaleAnswers", "SweepBehind", "SweepClockDisagrees", "TargetDown", "UnknownCommits",
	}, slices.Compact(names)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

// panel is a panel of the dashboard, or a row of panels.
type panel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Targets     []struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	} `json:"targets"`
	GridPos struct{ X, Y, W, H int } `json:"gridPos"`
}

type dashboard struct {
	UID    string  `json:"uid"`
	Panels []panel `json:"panels"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboardIsLaidOut(t *testing.T) {
	d := readDashboard(t)
	if d.UID != "chancery" {
		t.Errorf("uid %q", d.UID)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("%s says or shows nothing", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= 24 {
					t.Fatalf("%s lies on %q, or beside the page", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// What alerts and dashboard ask for is what the process shows, by name, label,
// and value of the label.
func TestExpressionsAskForWhatThereIs(t *testing.T) {
	shown := exported(fullScrape(t))

	for _, r := range rules(t) {
		shown.check(t, r.Alert, r.Expr)
	}
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			shown.check(t, p.Title, target.Expr)
			for _, m := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !strings.Contains(target.Expr, m[1]) && !targetLabel(m[1]) {
					t.Errorf("%s: the legend has a label that the expression drops: %s", p.Title, m[1])
				}
			}
		}
	}
}

func TestDashboardShowsEveryMetric(t *testing.T) {
	var all strings.Builder
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			all.WriteString(target.Expr)
		}
	}
	parts := regexp.MustCompile(`_(bucket|sum|count)$`)
	for name := range exported(fullScrape(t)) {
		if name = parts.ReplaceAllString(name, ""); strings.HasPrefix(name, "chancery_") && !strings.Contains(all.String(), name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// TestExpressionsAskForWhatThereIs is worth something only if it can fail.
func TestExpressionsThatAskForMoreAreFound(t *testing.T) {
	shown := exported(fullScrape(t))
	for _, tt := range []struct {
		expr string
		ok   bool
	}{
		{`sum by (method) (rate(chancery_rpc_duration_seconds_count{code="OK"}[5m])) / 2 > 0.1 and up{job="x"} == 0`, true},
		{`sum by (method) (rate(chancery_rpc_duration_seconds_total{code="OK"}[5m]))`, false},
		{`sum by (path) (rate(chancery_rpc_duration_seconds_count{code="OK"}[5m]))`, false},
		{`sum by (method) (rate(chancery_rpc_duration_seconds_count{result="OK"}[5m]))`, false},
		{`chancery_polls_total{outcome="ok"}`, true},
		{`chancery_polls_total{outcome="error"}`, false},
	} {
		if got := shown.complaints(tt.expr); (len(got) == 0) != tt.ok {
			t.Errorf("%s: %v, want ok: %v", tt.expr, got, tt.ok)
		}
	}
}

// series is what a process shows: the values of each label of each metric.
type series map[string]map[string][]string

var (
	sample       = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? \S+$`)
	labelPair    = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	selector     = regexp.MustCompile(`([a-zA-Z_]\w*)\s*\{([^}]*)\}`)
	grouping     = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	duration     = regexp.MustCompile(`\[[^\]]*\]`)
	identifier   = regexp.MustCompile(`[a-zA-Z_]\w*\s*\(?`)
	legendLabel  = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	promQLWords  = []string{"and", "or", "unless"}
	ofEachTarget = []string{"job", "instance"}
)

func targetLabel(name string) bool { return slices.Contains(ofEachTarget, name) }

// fullScrape shows every metric there is, those included that are sampled.
func fullScrape(t *testing.T) (text string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tel := setUp(t)
		useAll(t, tel)
		<-time.After(time.Second)
		synctest.Wait()
		text = scrape(t, tel, "text/plain")
	})
	return text
}

// exported reads a scrape, and adds the metric that Prometheus makes itself.
func exported(text string) series {
	all := series{"up": {}}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		if all[m[1]] == nil {
			all[m[1]] = map[string][]string{}
		}
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			all[m[1]][pair[1]] = append(all[m[1]][pair[1]], pair[3])
		}
	}
	return all
}

func (s series) check(t *testing.T, where, expr string) {
	t.Helper()
	for _, complaint := range s.complaints(expr) {
		t.Errorf("%s: %s: %s", where, complaint, expr)
	}
}

// complaints names what expr asks for and nobody shows.
func (s series) complaints(expr string) []string {
	var all []string
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			values, ok := s[m[1]][pair[1]]
			if !targetLabel(pair[1]) && (!ok || pair[2] == "=" && !slices.Contains(values, pair[3])) {
				all = append(all, m[1]+" has no "+pair[0])
			}
		}
	}
	expr = selector.ReplaceAllString(expr, "$1")
	var used []string
	bare := duration.ReplaceAllString(grouping.ReplaceAllString(expr, " "), "")
	for _, word := range identifier.FindAllString(bare, -1) {
		if strings.HasSuffix(word, "(") || slices.Contains(promQLWords, strings.TrimSpace(word)) {
			continue
		}
		used = append(used, strings.TrimSpace(word))
		if s[used[len(used)-1]] == nil {
			all = append(all, "nobody shows "+word)
		}
	}
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			label = strings.TrimSpace(label)
			has := func(metric string) bool { _, ok := s[metric][label]; return ok }
			if !targetLabel(label) && !slices.ContainsFunc(used, has) {
				all = append(all, "nothing has the label "+label)
			}
		}
	}
	return all
}
