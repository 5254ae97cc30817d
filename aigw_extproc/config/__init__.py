"""Configuration: resources as users write them, compiled into one immutable `Snapshot`.

`files/` reads and watches, `resources/` decodes each kind, `compile/` resolves them; `snapshot` is the result.
"""
