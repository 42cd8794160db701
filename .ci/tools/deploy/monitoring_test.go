package deploy_test

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func TestAlertsAreGoodAndSayWhatToDo(t *testing.T) {
	content := read(t, "deploy/prometheus/alerts.yml")
	groups, errs := rulefmt.Parse(content, false, model.UTF8Validation, promql(), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if groups == nil {
		return
	}
	count := 0
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			count++
			if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
				t.Errorf("%s: no severity or no summary", rule.Alert)
			}
		}
	}
	if count == 0 {
		t.Error("no alert")
	}
}

// variable is one of Grafana's within an expression.
var variable = regexp.MustCompile(`\$(?:__rate_interval|__interval|__range)\b|\$\{?\w+(?::\w+)?\}?`)

func TestEveryExpressionOfTheDashboardParses(t *testing.T) {
	var dashboard any
	if err := json.Unmarshal(read(t, "deploy/grafana/chancery.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	count := 0
	each(dashboard, "expr", func(expression string) {
		count++
		plain := variable.ReplaceAllStringFunc(expression, func(name string) string {
			if strings.HasPrefix(name, "$__") {
				return "5m"
			}
			return "x"
		})
		if _, err := promql().ParseExpr(plain); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	})
	if count == 0 {
		t.Error("no expression")
	}
}

// each visits the strings that any object in value has under the key.
func each(value any, key string, visit func(string)) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if text, ok := inner.(string); ok && name == key {
				visit(text)
				continue
			}
			each(inner, key, visit)
		}
	case []any:
		for _, inner := range v {
			each(inner, key, visit)
		}
	}
}

func promql() parser.Parser { return parser.NewParser(parser.Options{}) }
