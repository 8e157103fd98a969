{{/* What objects are called. */}}
{{- define "pointsman.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains "pointsman" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-pointsman" (.Release.Name | trunc 53 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{/* What never changes while a release lives: a Deployment's selector cannot. */}}
{{- define "pointsman.selector" -}}
app.kubernetes.io/name: pointsman
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "pointsman.labels" -}}
{{ include "pointsman.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "pointsman.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}
{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* "yes" where a pool of the config is the InferencePool of this name in the release's namespace. */}}
{{- define "pointsman.follows" -}}
{{- range .root.Values.config.pools -}}
{{- with .pods.inferencePool -}}
{{- $place := . -}}
{{- if kindIs "string" . -}}
{{- $place = dict "name" (splitList "/" . | last) "namespace" (splitList "/" . | initial | join "") -}}
{{- end -}}
{{- if and (eq (toString $place.name) $.name) (eq ($place.namespace | default $.root.Release.Namespace) $.root.Release.Namespace) -}}
yes
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The number of pickers. An autoscaler has the say about it: where one is switched on for pickers that run, they stay as many
as they are. Left out, the number would fall to 1 until the autoscaler acts.
*/}}
{{- define "pointsman.replicas" -}}
{{- if not .Values.autoscaling.create -}}
{{ .Values.replicas }}
{{- else -}}
{{- $running := lookup "apps/v1" "Deployment" .Release.Namespace (include "pointsman.name" .) -}}
{{- if $running -}}{{ $running.spec.replicas }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* Its own namespace and the further ones, each once. */}}
{{- define "pointsman.namespaces" -}}
{{- prepend .Values.rbac.namespaces .Release.Namespace | uniq | toJson -}}
{{- end -}}
