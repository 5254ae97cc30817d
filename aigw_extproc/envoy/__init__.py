"""Envoy: its configuration, rendered from a snapshot, and its binary.

`render` and the modules it imports take 0.5 s to import (envoy-data-plane): import it in functions, never in `serve`.
"""
