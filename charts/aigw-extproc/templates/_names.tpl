{{/* Cut so that the longest suffix fits into the 63 characters of a Service name. */}}
{{- define "aigw.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" | trimSuffix "." -}}
{{- end }}

{{/* Name of the Service. A mode change cannot change whether it is headless, so the processor's has its own name. */}}
{{- define "aigw.service" -}}
{{ include "aigw.fullname" . }}{{ if eq .Values.mode "service" }}-processor{{ end }}
{{- end }}

{{- define "aigw.names" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "aigw.selector" -}}
{{ include "aigw.names" . }}
app.kubernetes.io/component: gateway
{{- end }}

{{- define "aigw.labels" -}}
{{ include "aigw.labelsAnd" (list . dict) }}
{{- end }}

{{/* The labels of a resource that has more of its own, from a list of the root and those. */}}
{{- define "aigw.labelsAnd" -}}
{{- $root := first . -}}
{{- merge (include "aigw.ownLabels" $root | fromYaml) (last .) $root.Values.commonLabels | toYaml -}}
{{- end }}

{{- define "aigw.ownLabels" -}}
{{ include "aigw.names" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "aigw.podLabels" -}}
{{- $own := include "aigw.selector" . | fromYaml -}}
{{- if eq .Values.mode "gateway" }}
{{- $_ := set $own "gateway.envoyproxy.io/owning-gateway-name" .Values.gateway.name }}
{{- $_ := set $own "gateway.envoyproxy.io/owning-gateway-namespace" (include "aigw.gatewayNamespace" .) }}
{{- end }}
{{- merge $own .Values.podLabels .Values.commonLabels | toYaml -}}
{{- end }}

{{- define "aigw.gatewayNamespace" -}}
{{ default .Release.Namespace .Values.gateway.namespace }}
{{- end }}

{{- define "aigw.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "aigw.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "aigw.configMap" -}}
{{- default (printf "%s-config" (include "aigw.fullname" .)) .Values.config.existingConfigMap -}}
{{- end }}

{{/* Name of the Secret with the credentials file; empty if there is none. */}}
{{- define "aigw.secret" -}}
{{- if eq .Values.credentials.method "secret" -}}
{{- default (printf "%s-aws" (include "aigw.fullname" .)) .Values.credentials.existingSecret -}}
{{- end -}}
{{- end }}

{{/* Names of all Secrets that are mounted, as JSON. */}}
{{- define "aigw.secrets" -}}
{{- uniq (compact (concat (list (include "aigw.secret" .)) .Values.credentials.extraSecrets (list .Values.apiKeys.existingSecret))) | toJson -}}
{{- end }}

{{/* Image by its digest or its tag, from a dict with `image` and `root`; the default tag is the chart's appVersion. */}}
{{- define "aigw.image" -}}
{{- $repository := .image.repository -}}
{{- $registry := .root.Values.global.imageRegistry | default "" | trimSuffix "/" -}}
{{- /* As in Docker: a first part with a dot or a colon is a registry. */}}
{{- if and $registry (not (regexMatch "^([^/]*[.:][^/]*|localhost)/" $repository)) }}
{{- $repository = printf "%s/%s" $registry $repository }}
{{- end }}
{{- if .image.digest }}
{{- printf "%s@%s" $repository .image.digest | quote }}
{{- else }}
{{- printf "%s:%s" $repository (default .root.Chart.AppVersion .image.tag) | quote }}
{{- end }}
{{- end }}

{{/* Security context of a container, from a list of the root and the container's values. */}}
{{- define "aigw.securityContext" -}}
{{- mergeOverwrite (deepCopy (first .).Values.containerSecurityContext) (default dict (last .).securityContext) | toYaml -}}
{{- end }}

{{/* Annotations of a resource that exists only before an installation or an upgrade, from its weight. */}}
{{- define "aigw.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
