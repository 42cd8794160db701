package deploy_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// find returns the object of type T of a role.
func find[T any](objects []object, role string) (found T, ok bool) {
	for _, o := range objects {
		if typed, is := any(o.Object).(T); is && o.role() == role {
			return typed, true
		}
	}
	return found, false
}

// pods are what containers run in.
func pods(objects []object) map[string]corev1.PodTemplateSpec {
	list := map[string]corev1.PodTemplateSpec{}
	for _, o := range objects {
		switch workload := o.Object.(type) {
		case *appsv1.Deployment:
			list[o.String()] = workload.Spec.Template
		case *batchv1.Job:
			list[o.String()] = workload.Spec.Template
		}
	}
	return list
}

func TestEveryServiceHasWhatItNeedsToStay(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, objects []object) {
		for _, role := range roles() {
			deployment, ok := find[*appsv1.Deployment](objects, role)
			if !ok {
				t.Errorf("%s has no Deployment", role)
				continue
			}
			if _, ok := find[*policyv1.PodDisruptionBudget](objects, role); !ok {
				t.Errorf("%s has no PodDisruptionBudget", role)
			}
			if scaler, ok := find[*autoscalingv2.HorizontalPodAutoscaler](objects, role); !ok {
				if deployment.Spec.Replicas == nil || *deployment.Spec.Replicas < 2 {
					t.Errorf("%s has neither replicas nor a HorizontalPodAutoscaler", role)
				}
			} else if *scaler.Spec.MinReplicas < 2 || deployment.Spec.Replicas != nil || scaler.Spec.ScaleTargetRef.Name != deployment.Name {
				t.Errorf("%s is scaled to less than two, or by two at once", role)
			}
			if got := len(deployment.Spec.Template.Spec.TopologySpreadConstraints); got != 2 {
				t.Errorf("%s is spread over %d topologies, want zones and nodes", role, got)
			}
			checkSelected(t, objects, role, deployment)
		}
	})
}

// checkSelected checks the Service of a role.
func checkSelected(t *testing.T, objects []object, role string, d *appsv1.Deployment) {
	t.Helper()
	service, ok := find[*corev1.Service](objects, role)
	if !ok {
		t.Errorf("%s has no Service", role)
		return
	}
	for name, value := range service.Spec.Selector {
		if d.Spec.Template.Labels[name] != value || d.Spec.Selector.MatchLabels[name] != value {
			t.Errorf("%s: the Service does not select its pods by %s", role, name)
		}
	}
	if headless := service.Spec.ClusterIP == corev1.ClusterIPNone; headless == (role == "gateway") {
		t.Errorf("%s: headless %v", role, headless)
	}
	var ports []string
	for _, port := range d.Spec.Template.Spec.Containers[0].Ports {
		ports = append(ports, port.Name)
	}
	for _, port := range service.Spec.Ports {
		if !slices.Contains(ports, port.TargetPort.String()) {
			t.Errorf("%s: the Service leads to port %s, which the pods have not", role, port.TargetPort.String())
		}
	}
}

func TestContainersAreNobodyAndCanDoNothing(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, objects []object) {
		for name, pod := range pods(objects) {
			checkPod(t, name, pod.Spec)
			for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
				checkContainer(t, name, container)
			}
		}
	})
}

func checkPod(t *testing.T, name string, pod corev1.PodSpec) {
	t.Helper()
	c := pod.SecurityContext
	if c == nil || c.RunAsNonRoot == nil || !*c.RunAsNonRoot || c.RunAsUser == nil || *c.RunAsUser == 0 {
		t.Errorf("%s may run as root", name)
	}
	if c == nil || c.SeccompProfile == nil || c.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%s has no seccomp profile", name)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("%s has a token for the API server", name)
	}
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Errorf("%s is in a namespace of the host", name)
	}
	for _, volume := range pod.Volumes {
		if volume.HostPath != nil {
			t.Errorf("%s sees files of the host", name)
		}
		if volume.Secret != nil && (volume.Secret.DefaultMode == nil || *volume.Secret.DefaultMode&0o007 != 0) {
			t.Errorf("%s: anybody can read the files of %s", name, volume.Name)
		}
	}
}

func checkContainer(t *testing.T, pod string, container corev1.Container) {
	t.Helper()
	c := container.SecurityContext
	if c == nil || c.AllowPrivilegeEscalation == nil || *c.AllowPrivilegeEscalation ||
		c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem ||
		c.Capabilities == nil || !slices.Equal(c.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(c.Capabilities.Add) > 0 {
		t.Errorf("%s: the container may write, escalate or has capabilities", pod)
	}
	if container.Resources.Requests.Cpu().IsZero() || container.Resources.Requests.Memory().IsZero() || container.Resources.Limits.Memory().IsZero() {
		t.Errorf("%s: resources are not bounded", pod)
	}
	name := container.Image[strings.LastIndex(container.Image, "/")+1:]
	if _, version, _ := strings.Cut(name, ":"); version == "" || version == "latest" {
		t.Errorf("%s: image %s of no version", pod, container.Image)
	}
	for _, variable := range container.Env {
		if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
			t.Errorf("%s: secret in the environment variable %s", pod, variable.Name)
		}
	}
	for _, mount := range container.VolumeMounts {
		if !mount.ReadOnly {
			t.Errorf("%s: %s is writable", pod, mount.MountPath)
		}
	}
}

func TestServicesAreProbedAndEndInTime(t *testing.T) {
	eachValues(t, func(t *testing.T, name string, objects []object) {
		drain := int64(25)
		if name == "everything.yaml" {
			drain = 70
		}
		for _, role := range roles() {
			d, ok := find[*appsv1.Deployment](objects, role)
			if !ok {
				t.Fatalf("no Deployment of %s", role)
			}
			pod := d.Spec.Template.Spec
			if pod.TerminationGracePeriodSeconds == nil || *pod.TerminationGracePeriodSeconds <= drain {
				t.Errorf("%s is killed before it has drained", role)
			}
			c := pod.Containers[0]
			for path, probe := range map[string]*corev1.Probe{"/livez": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
				checkProbe(t, role, path, probe)
			}
			checkProbe(t, role, "/livez", c.StartupProbe)
		}
	})
}

func checkProbe(t *testing.T, role, path string, probe *corev1.Probe) {
	t.Helper()
	if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.String() != "internal" {
		t.Errorf("%s: probe of %s is %+v", role, path, probe)
	}
}

func TestServiceSeesOnlyItsOwnSecrets(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, objects []object) {
		for _, role := range roles() {
			d, ok := find[*appsv1.Deployment](objects, role)
			if !ok {
				t.Fatalf("no Deployment of %s", role)
			}
			var got []string
			for _, volume := range d.Spec.Template.Spec.Volumes {
				if volume.Projected == nil {
					continue
				}
				for _, source := range volume.Projected.Sources {
					for _, item := range source.Secret.Items {
						got = append(got, item.Key)
					}
				}
			}
			want := []string{role, "hint.key"}
			switch role {
			case "gateway":
				want = nil
			case "token":
				want = append(want, "key-encryption.key")
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s sees %q, want %q", role, got, want)
			}
		}
	})
}

func TestConfigurationOfTheChartIsFine(t *testing.T) {
	eachValues(t, func(t *testing.T, _ string, objects []object) {
		found := 0
		for _, o := range objects {
			if c, ok := o.Object.(*corev1.ConfigMap); ok && c.Data["chancery.yaml"] != "" {
				found++
				own := writeFile(t, "preset.yaml", "name: acme\nissuer_path: /tenant\n")
				checkConfig(t, []byte(strings.ReplaceAll(c.Data["chancery.yaml"], "/etc/chancery/preset/preset.yaml", own)))
			}
		}
		if found == 0 {
			t.Error("no configuration")
		}
	})
}

func TestMigrationRunsBeforeTheServices(t *testing.T) {
	eachValues(t, func(t *testing.T, name string, objects []object) {
		job, ok := find[*batchv1.Job](objects, "migration")
		if want := name != "existing.yaml"; ok != want {
			t.Errorf("migration %v, want %v", ok, want)
		}
		if !ok {
			return
		}
		if job.Annotations["helm.sh/hook"] != "pre-install,pre-upgrade" {
			t.Errorf("the hook is %q", job.Annotations["helm.sh/hook"])
		}
		// Of what it mounts, nothing is made later than it runs.
		for _, volume := range job.Spec.Template.Spec.Volumes {
			if volume.ConfigMap != nil && volume.Name == "config" {
				for _, o := range objects {
					if c, ok := o.Object.(*corev1.ConfigMap); ok && c.Name == volume.ConfigMap.Name && c.Annotations["helm.sh/hook-weight"] != "-5" {
						t.Errorf("%s is not there yet when the job runs", c.Name)
					}
				}
			}
		}
	})
}
