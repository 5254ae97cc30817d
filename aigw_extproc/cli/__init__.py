"""The command line: `aigw-extproc run | serve | check | doctor | envoy-config | simulator`.

Every command is a thin layer over one function elsewhere; heavy imports happen inside the command that needs them.
"""

from aigw_extproc.cli import run, serve, look, envoy_config, simulator, about  # noqa: F401, I001 - each joins the application, in the order of its help
from aigw_extproc.cli.app import app

__all__ = ["app"]
