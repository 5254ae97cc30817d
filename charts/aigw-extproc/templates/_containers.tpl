{{/* Command-line arguments for the resources and the Secrets. */}}
{{- define "aigw.source" -}}
- /etc/aigw/resources
{{- if include "aigw.secrets" . | fromJsonArray }}
- --secrets-dir=/etc/aigw/secrets
{{- end }}
{{- end }}

{{/* The Secret of the processor's certificate; empty for cleartext. */}}
{{- define "aigw.tlsSecret" -}}
{{- if eq .Values.mode "service" }}{{ .Values.processor.tls.existingSecret }}{{ end -}}
{{- end }}

{{/* Whether there is a NetworkPolicy. */}}
{{- define "aigw.networkPolicy" -}}
{{- if kindIs "invalid" .Values.networkPolicy.enabled }}
{{- if eq .Values.mode "service" }}true{{ end }}
{{- else if .Values.networkPolicy.enabled }}true{{ end -}}
{{- end }}

{{/* Name of the processor's container: in mode `gateway` that of Envoy AI Gateway's guide. */}}
{{- define "aigw.processorName" -}}
{{ eq .Values.mode "gateway" | ternary "extproc" "processor" }}
{{- end }}

{{- define "aigw.sourceMounts" -}}
- {name: resources, mountPath: /etc/aigw/resources, readOnly: true}
{{- range include "aigw.secrets" . | fromJsonArray }}
- {name: {{ printf "secret-%s" (sha256sum . | trunc 10) }}, mountPath: /etc/aigw/secrets/{{ . }}, readOnly: true}
{{- end }}
{{- end }}

{{/* The timing of a probe; its action is fixed. */}}
{{- define "aigw.timing" -}}
{{- with . }}{{ toYaml . }}{{ end -}}
{{- end }}

{{- define "aigw.processor" -}}
name: {{ include "aigw.processorName" . }}
image: {{ include "aigw.image" (dict "image" .Values.image "root" .) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - serve
  {{- if eq .Values.mode "gateway" }}
  {{- include "aigw.kubernetes" . | nindent 2 }}
  {{- else }}
  {{- include "aigw.source" . | nindent 2 }}
  {{- end }}
  - "--listen={{ include "aigw.listen" . }}"
  - "--admin-host={{ .Values.listenHost }}"
  - --admin-port={{ .Values.adminPort }}
  - --workers={{ .Values.processor.workers }}
  - --transport={{ .Values.processor.transport }}
  - --drain-seconds={{ .Values.drain.exchangesSeconds }}
  {{- if .Values.processor.readyNeedsCredentials }}
  - --ready-needs-credentials
  {{- end }}
  - --log-level={{ .Values.processor.logLevel }}
  {{- with .Values.traces.endpoint }}
  - "--otlp={{ . }}"
  {{- end }}
  {{- if .Values.traces.upstream }}
  - --trace-upstream
  {{- end }}
  {{- if ne .Values.mode "service" }}
  - --reload-lag=1
  {{- end }}
  {{- if include "aigw.tlsSecret" . }}
  - --tls-cert=/etc/aigw/tls/tls.crt
  - --tls-key=/etc/aigw/tls/tls.key
  {{- if .Values.processor.tls.clientCertificates }}
  - --tls-client-ca=/etc/aigw/tls/ca.crt
  {{- end }}
  {{- end }}
  {{- if eq .Values.mode "service" }}
  - --insecure # the chart requires a network policy or client certificates
  {{- end }}
  {{- with .Values.processor.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.processor.extraEnv }}
env: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.processor.extraEnvFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - {name: admin, containerPort: {{ .Values.adminPort }}}
  {{- if eq .Values.mode "service" }}
  - {name: ext-proc, containerPort: {{ .Values.processor.port }}}
  {{- end }}
# A pod without credentials is to stay not ready, not to be restarted.
startupProbe:
  httpGet: {path: {{ .Values.processor.readyNeedsCredentials | ternary "/healthz" "/readyz" }}, port: admin}
  {{- include "aigw.timing" .Values.processor.startupProbe | nindent 2 }}
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  {{- include "aigw.timing" .Values.processor.readinessProbe | nindent 2 }}
livenessProbe:
  httpGet: {path: /healthz, port: admin}
  {{- include "aigw.timing" .Values.processor.livenessProbe | nindent 2 }}
resources: {{- toYaml .Values.processor.resources | nindent 2 }}
securityContext: {{- include "aigw.securityContext" (list . .Values.processor) | nindent 2 }}
volumeMounts:
  {{- if eq .Values.mode "gateway" }}
  - {name: published, mountPath: /run/published}
  - {name: api-access, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
  {{- else }}
  {{- include "aigw.sourceMounts" . | nindent 2 }}
  {{- end }}
  - {name: tmp, mountPath: /tmp}
  {{- if ne .Values.mode "service" }}
  - {name: run, mountPath: /run/aigw}
  {{- end }}
  {{- if include "aigw.tlsSecret" . }}
  - {name: tls, mountPath: /etc/aigw/tls, readOnly: true}
  {{- end }}
  {{- with .Values.processor.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Command-line arguments for the Kubernetes API. */}}
{{- define "aigw.kubernetes" -}}
{{- $namespace := include "aigw.gatewayNamespace" . -}}
- --kubernetes
- --gateway={{ $namespace }}/{{ .Values.gateway.name }}
{{- with .Values.gateway.className }}
- --gateway-class={{ . }}
{{- end }}
{{- with .Values.gateway.namespaces }}
- --namespaces={{ join "," . }}
{{- end }}
- --gateway-service={{ .Release.Namespace }}/{{ include "aigw.service" . }}
- --publish=/run/published
{{- end }}

{{/* Brackets around an IPv6 address. */}}
{{- define "aigw.listen" -}}
{{- if ne .Values.mode "service" -}}
unix:///run/aigw/extproc.sock
{{- else -}}
{{ contains ":" .Values.listenHost | ternary (printf "[%s]" .Values.listenHost) .Values.listenHost }}:{{ .Values.processor.port }}
{{- end -}}
{{- end }}

{{- define "aigw.envoyConfig" -}}
name: envoy-config
image: {{ include "aigw.image" (dict "image" .Values.envoyConfig.image "root" .) }}
imagePullPolicy: {{ .Values.envoyConfig.image.pullPolicy }}
command: [aigw-extproc, envoy-config]
args:
  {{- if eq .Values.mode "gateway" }}
  - --published=/run/published/gateway.json
  {{- else }}
  {{- include "aigw.source" . | nindent 2 }}
  {{- end }}
  {{- range $worker := until (int .Values.processor.workers) }}
  - --processor=unix:///run/aigw/extproc.sock{{ if $worker }}-{{ $worker }}{{ end }}
  {{- end }}
  - "--host={{ .Values.listenHost }}"
  - --port={{ .Values.envoy.port }}
  - --admin=127.0.0.1:{{ .Values.envoy.adminPort }}
  {{- with ((.Values.envoy.resources).limits).memory }}
  - --memory-limit={{ . }}
  {{- end }}
  {{- with .Values.traces.endpoint }}
  - "--otlp={{ . }}"
  {{- end }}
  - --write-to=/etc/envoy
{{- if .Values.traces.endpoint }}
env: # Envoy decides which requests are traced
  - {name: OTEL_TRACES_SAMPLER, value: parentbased_traceidratio}
  - {name: OTEL_TRACES_SAMPLER_ARG, value: {{ .Values.traces.ratio | quote }}}
{{- end }}
# Envoy starts when its configuration exists.
startupProbe:
  exec: {command: [test, -s, /etc/envoy/envoy.yaml]}
  {{- include "aigw.timing" .Values.envoyConfig.startupProbe | nindent 2 }}
resources: {{- toYaml .Values.envoyConfig.resources | nindent 2 }}
securityContext: {{- include "aigw.securityContext" (list . .Values.envoyConfig) | nindent 2 }}
volumeMounts:
  {{- if eq .Values.mode "gateway" }}
  - {name: published, mountPath: /run/published, readOnly: true}
  {{- else }}
  {{- include "aigw.sourceMounts" . | nindent 2 }}
  {{- end }}
  - {name: envoy, mountPath: /etc/envoy}
{{- end }}

{{- define "aigw.envoy" -}}
name: envoy
image: {{ include "aigw.image" (dict "image" .Values.envoy.image "root" .) }}
imagePullPolicy: {{ .Values.envoy.image.pullPolicy }}
command: [envoy]
args:
  - --config-path
  - /etc/envoy/envoy.yaml
  - --concurrency
  - {{ .Values.envoy.concurrency | quote }}
  - --log-level
  - {{ .Values.envoy.logLevel }}
  - --disable-hot-restart
  - --file-flush-interval-msec # the access log's
  - "500"
  {{- with .Values.envoy.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.envoy.extraEnv }}
env: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.envoy.extraEnvFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - {name: http, containerPort: {{ .Values.envoy.port }}}
lifecycle:
  preStop:
    exec:
      command:
        - bash
        - -c
        - | {{- include "aigw.drain" . | nindent 10 }}
# The admin interface can stop Envoy, so it is on loopback, which kubelet cannot reach. The image has no curl.
startupProbe:
  {{- include "aigw.envoyReady" . | nindent 2 }}
  {{- include "aigw.timing" .Values.envoy.startupProbe | nindent 2 }}
readinessProbe:
  {{- include "aigw.envoyReady" . | nindent 2 }}
  {{- include "aigw.timing" .Values.envoy.readinessProbe | nindent 2 }}
livenessProbe:
  tcpSocket: {port: http}
  {{- include "aigw.timing" .Values.envoy.livenessProbe | nindent 2 }}
resources: {{- toYaml .Values.envoy.resources | nindent 2 }}
securityContext: {{- include "aigw.securityContext" (list . .Values.envoy) | nindent 2 }}
volumeMounts:
  - {name: envoy, mountPath: /etc/envoy, readOnly: true}
  - {name: run, mountPath: /run/aigw, readOnly: true}
  {{- with .Values.envoy.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "aigw.envoyReady" -}}
exec:
  command:
    - bash
    - -c
    - |
      exec 3<>/dev/tcp/127.0.0.1/{{ .Values.envoy.adminPort }}
      printf 'GET /ready HTTP/1.1\r\nhost: envoy\r\nconnection: close\r\n\r\n' >&3
      read -r _ status _ <&3 && [ "$status" = 200 ]
{{- end }}

{{- define "aigw.drain" -}}
ask() {
  exec 3<>/dev/tcp/127.0.0.1/{{ .Values.envoy.adminPort }} || return
  printf '%s HTTP/1.1\r\nhost: envoy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n' "$1" >&3
  cat <&3
  exec 3>&-
}
# From now on every response closes its connection, so that clients reconnect to another pod.
ask 'POST /healthcheck/fail' >/dev/null
# New connections arrive until every node knows that this pod stops.
sleep {{ .Values.drain.endpointsSeconds }}
ask 'POST /drain_listeners' >/dev/null
for ((second = 0; second < {{ .Values.drain.exchangesSeconds }}; second++)); do
  [[ $(ask 'GET /stats?filter=^http.aigw.downstream_rq_active$') == *'downstream_rq_active: 0'* ]] && exit
  sleep 1
done
{{- end }}
