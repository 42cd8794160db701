// Package prometheus_test holds the alert rules to the page that explains them.
package prometheus_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// anchors are the places of the page that a link can lead to, as GitHub names
// them.
func anchors(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, heading := range regexp.MustCompile(`(?m)^#{1,6} +(.+)$`).FindAllSubmatch(page, -1) {
		text := strings.ToLower(strings.TrimSpace(string(heading[1])))
		text = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`).ReplaceAllString(text, "")
		list = append(list, strings.ReplaceAll(text, " ", "-"))
	}
	return list
}

func TestEveryAlertHasASectionInTheRunbook(t *testing.T) {
	rules, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(rules, &file); err != nil {
		t.Fatal(err)
	}
	headings, seen := anchors(t), 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			seen++
			page, anchor, _ := strings.Cut(rule.Annotations["runbook_url"], "#")
			if !strings.HasSuffix(page, "/docs/operating.md") {
				t.Errorf("%s: the runbook is %q, want docs/operating.md", rule.Alert, page)
			}
			if anchor != strings.ToLower(rule.Alert) || !slices.Contains(headings, anchor) {
				t.Errorf("%s: docs/operating.md has no heading for #%s", rule.Alert, anchor)
			}
		}
	}
	if seen == 0 {
		t.Error("alerts.yml has no alert")
	}
}

func TestLinksWithinTheRunbookLeadSomewhere(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := anchors(t)
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllSubmatch(page, -1) {
		if !slices.Contains(headings, string(link[1])) {
			t.Errorf("docs/operating.md has no heading for #%s", link[1])
		}
	}
}
