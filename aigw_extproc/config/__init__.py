"""Configuration: the resources that users write, compiled into one immutable `Snapshot`.

`files/` loads and watches, `resources/` decodes each kind, `compile/` resolves them; `snapshot` is the result.
"""
