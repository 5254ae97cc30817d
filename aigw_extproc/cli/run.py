"""`run`: everything, on this machine."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import AdminPort, Host, LogLevel, Port, Region, Resources, Secrets, Workers, source_of
from aigw_extproc.cli.output import Level, fail, out, refuse
from aigw_extproc.errors import ConfigError


@app.command()
def run(
    resources: Resources = None,
    region: Region = None,
    secrets_dir: Secrets = None,
    host: Host = "127.0.0.1",
    port: Port = 1975,
    admin_port: AdminPort = 1064,
    simulator_port: Annotated[int, typer.Option(min=1, max=65535, help="Of the built-in demonstration.")] = 8091,
    workers: Workers = 1,
    access_log: Annotated[bool, typer.Option(help="One line per request, on standard output.")] = True,
    log_level: LogLevel = Level.INFO,
) -> None:
    """Envoy and the processor. Without resources: a demonstration against the simulator, no AWS account needed."""
    from aigw_extproc.config.snapshot import Address
    from aigw_extproc.envoy.binary import EnvoyNotFound
    from aigw_extproc.run.child import ChildFailed
    from aigw_extproc.run.gateway import RunOptions
    from aigw_extproc.run.gateway import run as run_until_stopped
    from aigw_extproc.run.ports import PortUnavailable

    demonstration = not resources and region is None
    options = RunOptions(
        source=source_of(resources, region, f"127.0.0.1:{simulator_port}" if demonstration else None, secrets_dir),
        listen=Address(host=host, port=port),
        admin=Address(host="127.0.0.1", port=admin_port),
        start_simulator=demonstration,
        workers=workers,
        access_log=access_log,
        log_level=log_level,
    )
    try:
        asyncio.run(run_until_stopped(options, on_ready=_show_ready, on_log=_show_log))
    except ConfigError as error:
        refuse(error)
    except (OSError, PortUnavailable, EnvoyNotFound, ChildFailed) as error:
        fail(str(error))


def _show_ready(curl: str) -> None:
    out.print("\nready. Try:\n", style="bold green")
    print(curl + "\n", flush=True)


def _show_log(child: str, line: str) -> None:
    print(f"{child}: {line}", flush=True)
