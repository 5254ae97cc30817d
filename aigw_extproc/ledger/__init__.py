"""The ledger: what clients have used, by counter and period.

`connect` opens the place that an option names: a file, in `sqlite`, which all workers of a machine share, or a Redis
server, in `redis`, which several machines can. What it has acknowledged, it does not lose with a process.
"""
