"""Envoy's configuration, rendered from a snapshot."""
