"""`simulator`: what stands in for Bedrock."""

from __future__ import annotations

from typing import Annotated

import typer

from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import Host, LogLevel
from aigw_extproc.cli.output import Level, fail, set_up_logging


@app.command()
def simulator(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8091,
    log_level: LogLevel = Level.INFO,
) -> None:
    """The Bedrock simulator alone: it checks signatures and requests as Bedrock does."""
    from aigw_extproc.simulator import server
    from aigw_extproc.simulator.settings import Settings

    set_up_logging(log_level)
    try:
        server.run(
            host, port, Settings(), on_ready=lambda bound: print(f"simulator: ready on {host}:{bound}", flush=True)
        )
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror}; choose another port with --port")
