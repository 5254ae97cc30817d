"""`aigw-extproc run`: Envoy, the processor and, for the demonstration, the simulator, in the foreground.

`gateway.run` is what the command calls; `serve.supervisor` starts and stops the processes.
"""
