"""Envoy's external processing protocol: the codec and the gRPC server."""
