"""Envoy: its configuration, rendered from a snapshot, and its binary.

Only `render` and what it calls import envoy-data-plane (0.5 s); import it where it is used, never from `serve`.
"""
