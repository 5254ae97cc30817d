"""The process behind `aigw-extproc serve`: its configuration's source, its workers and the operator's port.

`process.serve` is what the command calls; the rest are the parts of a process: reload, metrics, memory, its parent.
"""
