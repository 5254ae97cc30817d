{{/* Bedrock's host in the region. */}}
{{- define "aigw.host" -}}
{{- $suffix := hasPrefix "cn-" .Values.config.region | ternary "amazonaws.com.cn" "amazonaws.com" -}}
{{- default (printf "bedrock-runtime.%s.%s" .Values.config.region $suffix) .Values.config.host -}}
{{- end }}

{{/* The resource file: the given resources, or those generated from a region and models. */}}
{{- define "aigw.resources" -}}
{{- if kindIs "string" .Values.config.resources -}}
{{ .Values.config.resources }}
{{- else if .Values.config.resources -}}
{{- range .Values.config.resources }}
---
{{ toYaml . }}
{{- end }}
{{- else -}}
{{ include "aigw.region" . }}
{{- end -}}
{{- end }}

{{- define "aigw.region" -}}
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: bedrock}
spec:
  rules:
    {{- range .Values.config.models }}
    - matches: [{headers: [{name: x-ai-eg-model, value: {{ .name | quote }}}]}]
      backendRefs: [{name: bedrock{{ with .bedrockModel }}, modelNameOverride: {{ . | quote }}{{ end }}}]
    {{- else }}
    - backendRefs: [{name: bedrock}] # any model
    {{- end }}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: bedrock}
spec:
  schema: {name: AWSBedrock}
  backendRef: {name: bedrock, kind: Backend, group: gateway.envoyproxy.io}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: bedrock}
spec:
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: bedrock}]
  type: AWSCredentials
  awsCredentials:
    region: {{ .Values.config.region }}
    {{- with include "aigw.secret" . }}
    credentialsFile: {secretRef: {name: {{ . }}}}
    {{- end }}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: bedrock}
spec:
  endpoints: [{fqdn: {hostname: {{ include "aigw.host" . }}, port: 443}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: bedrock}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: bedrock}]
  validation: {wellKnownCACertificates: System, hostname: {{ include "aigw.host" . }}}
{{- with .Values.apiKeys.existingSecret }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: bedrock}
spec: {}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: bedrock}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: bedrock}]
  apiKeyAuth:
    credentialRefs: [{name: {{ . }}}]
    extractFrom: [{headers: [Authorization, x-api-key]}]
{{- end }}
{{- end }}
