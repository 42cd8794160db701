package deploy_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const component = "app.kubernetes.io/component"

// peers are the components among the peers of a rule.
func peers(list []networkingv1.NetworkPolicyPeer) (names []string) {
	for _, peer := range list {
		if peer.PodSelector != nil && peer.NamespaceSelector == nil {
			if name := peer.PodSelector.MatchLabels[component]; name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// callersOf are the roles that call a role.
func callersOf(t *testing.T, role string) (list []string) {
	t.Helper()
	for from, called := range calls(t) {
		if slices.Contains(called, role) {
			list = append(list, from)
		}
	}
	slices.Sort(list)
	return list
}

func TestNetworkPoliciesFollowTheCalls(t *testing.T) {
	eachValues(t, func(t *testing.T, name string, objects []object) {
		for _, role := range roles() {
			policy, ok := find[*networkingv1.NetworkPolicy](objects, role)
			if want := name != "existing.yaml"; ok != want {
				t.Errorf("%s: policy %v, want %v", role, ok, want)
			}
			if !ok {
				continue
			}
			if !slices.Equal(policy.Spec.PolicyTypes, []networkingv1.PolicyType{"Ingress", "Egress"}) || policy.Spec.PodSelector.MatchLabels[component] != role {
				t.Errorf("%s: the policy is about %v of %v", role, policy.Spec.PolicyTypes, policy.Spec.PodSelector)
			}
			checkIngress(t, role, policy.Spec.Ingress)
			checkEgress(t, role, policy.Spec.Egress, places(role, name))
		}
	})
}

func checkIngress(t *testing.T, role string, rules []networkingv1.NetworkPolicyIngressRule) {
	t.Helper()
	for _, rule := range rules {
		for _, port := range rule.Ports {
			switch port.Port.String() {
			case "grpc":
				if got, want := peers(rule.From), callersOf(t, role); !slices.Equal(got, want) {
					t.Errorf("%s is called by %q, want %q", role, got, want)
				}
			case "http":
				if role != "gateway" {
					t.Errorf("%s has public requests", role)
				}
			case "internal":
				if len(rule.From) == 0 {
					t.Errorf("%s: anybody reaches the internal port", role)
				}
			default:
				t.Errorf("%s: port %s is open", role, port.Port.String())
			}
		}
		if len(rule.From) == 0 && rule.Ports[0].Port.String() != "http" {
			t.Errorf("%s: anybody reaches %s", role, rule.Ports[0].Port.String())
		}
	}
}

// places are the ports that a role reaches with a file of values.
func places(role, values string) []string {
	postgres := "5432"
	list := []string{"53"}
	if values == "everything.yaml" {
		postgres = "6432"
		list = append(list, "4317")
	}
	if role != "gateway" {
		return append(list, postgres, "4222")
	}
	if values == "everything.yaml" {
		list = append(list, "443") // extraEgress
	}
	return list
}

func checkEgress(t *testing.T, role string, rules []networkingv1.NetworkPolicyEgressRule, want []string) {
	t.Helper()
	var got []string
	for _, rule := range rules {
		if to := peers(rule.To); len(to) > 0 {
			called := slices.Sorted(slices.Values(calls(t)[role]))
			if !slices.Equal(to, called) {
				t.Errorf("%s calls %q, want %q", role, to, called)
			}
		}
		for _, port := range rule.Ports {
			got = append(got, port.Port.String())
		}
	}
	if len(calls(t)[role]) > 0 {
		want = append(want, "9090")
	}
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("%s reaches the ports %q, want %q", role, got, want)
	}
}

func TestCertificateNamesItsServiceAlone(t *testing.T) {
	eachValues(t, func(t *testing.T, name string, objects []object) {
		domain := "chancery.internal"
		want := roles()
		switch name {
		case "existing.yaml":
			want = nil
		case "everything.yaml":
			domain, want = "chancery.example", append(want, "admin")
		}
		var got []string
		for _, o := range objects {
			if o.kind != "Certificate" {
				continue
			}
			got = append(got, o.role())
			names, _, _ := unstructured.NestedStringSlice(o.raw, "spec", "dnsNames")
			if !slices.Equal(names, []string{o.role() + "." + domain}) {
				t.Errorf("the certificate of %s is for %q", o.role(), names)
			}
			usages, _, _ := unstructured.NestedStringSlice(o.raw, "spec", "usages")
			if !slices.Contains(usages, "client auth") || !slices.Contains(usages, "server auth") {
				t.Errorf("the certificate of %s is for %q", o.role(), usages)
			}
			checkMounted(t, objects, o)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("certificates for %q, want %q", got, want)
		}
	})
}

// checkMounted checks that the service of a certificate mounts its Secret.
func checkMounted(t *testing.T, objects []object, certificate object) {
	t.Helper()
	secret, _, _ := unstructured.NestedString(certificate.raw, "spec", "secretName")
	for name, pod := range pods(objects) {
		if !strings.HasPrefix(name, "Deployment ") {
			continue
		}
		mounted := slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Secret != nil && v.Secret.SecretName == secret })
		if own := pod.Labels[component] == certificate.role(); mounted != own {
			t.Errorf("%s mounts %s: %v", name, secret, mounted)
		}
	}
}

func TestMonitoringIsWhatTheProjectHas(t *testing.T) {
	objects := render(t, "everything.yaml")
	found := map[string]bool{}
	for _, o := range objects {
		switch o.kind {
		case "ServiceMonitor":
			labels, _, _ := unstructured.NestedStringMap(o.raw, "spec", "selector", "matchLabels")
			service, ok := find[*corev1.Service](objects, labels[component])
			if !ok || service.Spec.Ports[0].Name != "internal" {
				t.Errorf("the ServiceMonitor selects %v", labels)
			}
			found[o.kind] = true
		case "PrometheusRule":
			groups, _, _ := unstructured.NestedSlice(o.raw, "spec", "groups")
			found[o.kind] = len(groups) > 0
		case "ConfigMap":
			if c, ok := o.Object.(*corev1.ConfigMap); ok && c.Labels["grafana_dashboard"] == "1" {
				found["dashboard"] = strings.Contains(c.Data["chancery.json"], "chancery_")
			}
		case "Ingress", "HTTPRoute":
			found[o.kind] = true
		}
	}
	for _, kind := range []string{"ServiceMonitor", "PrometheusRule", "dashboard", "Ingress", "HTTPRoute"} {
		if !found[kind] {
			t.Errorf("no %s", kind)
		}
	}
}
