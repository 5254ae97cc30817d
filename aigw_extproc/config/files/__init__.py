"""Resource files, folders and mounted Secrets on disk: the only part of `config` that does I/O.

`load` reads them, `watcher` reloads them when they change.
"""
