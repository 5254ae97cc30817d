"""The processes of `aigw-extproc serve`: the processor, its workers, the operator's port, and reload.

`process.serve` is what the command calls. `child` and `supervisor` run any child processes; `run` uses them too.
"""
