{{/* What to ask for: a model that there is, in a configuration of the chart's own. */}}
{{- define "aigw.testModel" -}}
{{- $first := dict "name" "us.amazon.nova-micro-v1:0" -}}
{{- with .Values.config.models }}{{ $first = first . }}{{ end -}}
{{- default $first.name .Values.test.model -}}
{{- end }}

{{/* A chat completion, by way of Envoy, as a client sends it. */}}
{{- define "aigw.test.sidecar" -}}
import json, sys, urllib.error, urllib.request
url = "http://{{ include "aigw.fullname" . }}:{{ .Values.service.port }}/v1/chat/completions"
question = {"model": {{ include "aigw.testModel" . | toJson }}, "messages": [{"role": "user", "content": "Say hello."}]}
request = urllib.request.Request(url, json.dumps(question).encode(), {"content-type": "application/json"})
try:
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
except urllib.error.HTTPError as error:
    sys.exit(f"{error.code}: {error.read().decode()}")
print(answer["choices"][0]["message"]["content"])
{{- end }}

{{/* The health service of the processor's port: which Envoy asks it is not the chart's. */}}
{{- define "aigw.test.service" -}}
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
with grpc.insecure_channel("{{ include "aigw.fullname" . }}:{{ .Values.processor.port }}") as channel:
    question = health_pb2.HealthCheckRequest(service="envoy.service.ext_proc.v3.ExternalProcessor")
    answer = health_pb2_grpc.HealthStub(channel).Check(question, timeout=30, wait_for_ready=True)
assert answer.status == health_pb2.HealthCheckResponse.SERVING, answer
print("serving")
{{- end }}
