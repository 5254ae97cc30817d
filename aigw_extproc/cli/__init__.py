"""The command line, `aigw-extproc`: one module per command.

A command is a thin layer over one function elsewhere, and imports what is heavy in its function.
"""

# In the order of the help.
from aigw_extproc.cli import run, serve, check, explain, doctor, envoy_config, simulator, models, prices, keys, version  # noqa: F401, I001 - importing a command adds it to `app`
from aigw_extproc.cli.app import app

__all__ = ["app"]
