"""`aigw-extproc simulator`."""

from __future__ import annotations

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import PORT
from aigw_extproc.cli.output import fail, set_up_logging
from aigw_extproc.envoy.options import SIMULATOR
from aigw_extproc.simulator.settings import Settings


@app.command()
@options.host
@click.option("--port", type=PORT, default=SIMULATOR.port, help="Port to listen on.")
@options.log_level
def simulator(host: str, port: int, log_level: str) -> None:
    """Run the Bedrock simulator alone. It checks signatures and requests as Bedrock does."""
    from aigw_extproc.simulator import server

    set_up_logging(log_level)
    try:
        server.run(
            host, port, Settings(), on_ready=lambda bound: print(f"simulator: ready on {host}:{bound}", flush=True)
        )
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}; choose another port with --port")
