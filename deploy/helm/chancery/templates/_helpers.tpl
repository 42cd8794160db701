{{/* Names. */}}
{{- define "chancery.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "chancery.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "chancery.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The labels of everything. */}}
{{- define "chancery.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "chancery.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: chancery
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What the pods of a service are known by: a list of the root and the role. */}}
{{- define "chancery.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "chancery.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "chancery.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end }}

{{/* The Secret with a role's certificate: a list of the root and the role. */}}
{{- define "chancery.certificate" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $service := get $root.Values.services $role | default dict -}}
{{- get $service "secretName" | default (printf "%s-%s-tls" (include "chancery.fullname" $root) $role) -}}
{{- end }}

{{/* The host of the issuer. */}}
{{- define "chancery.host" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .Values.issuer).host "" -}}
{{- end }}

{{/* The port of the gateway's Service. */}}
{{- define "chancery.gatewayPort" -}}
{{- ternary 443 80 (ne .Values.gateway.tlsSecretName "") -}}
{{- end }}

{{/* The configuration of every process. */}}
{{- define "chancery.config" -}}
issuer: {{ required "issuer is required: the https URL of this installation" .Values.issuer | quote }}
preset: {{ if .Values.preset.configMapName }}/etc/chancery/preset/preset.yaml{{ else }}{{ .Values.preset.name }}{{ end }}
revocation_bound: {{ .Values.revocationBound }}
log:
  level: {{ .Values.log.level }}
database: file:/etc/chancery/keys/database
key_encryption_key: file:/etc/chancery/keys/key-encryption.key
nats:
  {{- if not .Values.nats.servers }}
  {{- fail "nats.servers is required: tls://host:port of each server" }}
  {{- end }}
  servers:
    {{- range .Values.nats.servers }}
    - {{ . | quote }}
    {{- end }}
  stream_replicas: {{ .Values.nats.streamReplicas }}
  hint_key: file:/etc/chancery/keys/hint.key
mutual_tls:
  authority: /etc/chancery/tls/ca.crt
  certificate: /etc/chancery/tls/tls.crt
  key: /etc/chancery/tls/tls.key
  {{- if .Values.mutualTLS.revokedConfigMap }}
  revoked: /etc/chancery/revoked/revoked.crl
  {{- end }}
  domain: {{ .Values.mutualTLS.domain }}
listen:
  grpc: 0.0.0.0:9090
  http: 0.0.0.0:8443
  internal: 0.0.0.0:9091
drain:
  delay: {{ .Values.drain.delaySeconds }}s
  timeout: {{ .Values.drain.timeoutSeconds }}s
connections:
  most: {{ .Values.connections.most }}
  per_source: {{ .Values.connections.perSource }}
  memory: {{ .Values.connections.memory }}
  receive_timeout: {{ .Values.connections.receiveTimeout }}
limits: {{ toJson .Values.limits }}
telemetry:
  {{- with .Values.telemetry.otlp }}
  otlp: {{ . | quote }}
  otlp_insecure: {{ $.Values.telemetry.otlpInsecure }}
  {{- end }}
  sample_ratio: {{ .Values.telemetry.sampleRatio }}
gateway:
  {{- if .Values.gateway.tlsSecretName }}
  tls:
    certificate: /etc/chancery/public/tls.crt
    key: /etc/chancery/public/tls.key
  {{- else if not .Values.gateway.trustedProxies }}
  {{- fail "gateway.tlsSecretName or gateway.trustedProxies is required: without either, anybody could read along or forge addresses" }}
  {{- end }}
  trusted_proxies: {{ toJson .Values.gateway.trustedProxies }}
  hsts: {{ dict "max_age" .Values.gateway.hsts.maxAge "include_subdomains" .Values.gateway.hsts.includeSubdomains "preload" .Values.gateway.hsts.preload | toJson }}
  limits: {{ toJson .Values.gateway.limits }}
{{- range $role := list "authorize" "token" "consent" "introspection" "registry" "directory" }}
{{ $role }}:
  target: dns:///{{ include "chancery.fullname" $ }}-{{ $role }}.{{ $.Release.Namespace }}.svc:9090
  {{- if eq $role "token" }}
  keys:
    rotation_period: {{ $.Values.token.keyRotationPeriod }}
    publish_lead: {{ $.Values.token.keyPublishLead }}
  {{- end }}
  {{- if eq $role "introspection" }}
  memory: {{ $.Values.introspection.memory }}
  callers: {{ toJson $.Values.introspection.callers }}
  {{- end }}
{{- end }}
{{- end }}
