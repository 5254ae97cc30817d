"""`aigw-extproc run`: Envoy, the processor and, for the demonstration, the simulator as one thing in the foreground.

`gateway.run` is what the command calls; `supervisor` knows nothing about what it supervises.
"""
