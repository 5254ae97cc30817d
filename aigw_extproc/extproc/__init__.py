"""Envoy's external processing protocol: the codec, the processor that drives exchanges, and the gRPC servers.

`codec` is the only module that knows protobuf; `transport` defines what a server and a stream are.
"""
