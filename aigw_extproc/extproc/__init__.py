"""Envoy's external processing protocol: the codec, the processor that drives exchanges, and the gRPC servers.

`codec` and `metadata` alone know protobuf; `transport` defines what a server and a stream are.
"""
