"""Traces: one GenAI span for each request that a model answers, or each attempt at it, sent with OTLP.

`options` is what the operator asks for, `content` what a span says of bodies, `attributes` what it says of the rest.
`exporter` alone uses OpenTelemetry's SDK, an optional extra, and is imported only with traces on.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""
