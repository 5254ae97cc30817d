"""`serve`: the processor alone."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import (
    AdminPort,
    Host,
    LogLevel,
    Region,
    Resources,
    Secrets,
    Simulator,
    Workers,
    endpoint,
    source_of,
)
from aigw_extproc.cli.output import Level, fail, refuse, set_up_logging
from aigw_extproc.errors import ConfigError

if TYPE_CHECKING:
    from aigw_extproc.extproc.tls import ServerTls


class Transport(StrEnum):
    GRPC = "grpc"
    H2CORN = "h2corn"


@app.command()
def serve(
    resources: Resources = None,
    region: Region = None,
    simulator: Simulator = None,
    secrets_dir: Secrets = None,
    listen: Annotated[str, typer.Option(help="unix:///PATH or HOST:PORT, for Envoy.")] = "127.0.0.1:1063",
    admin_host: Host = "127.0.0.1",
    admin_port: AdminPort = 1064,
    admin: Annotated[bool, typer.Option(help="Whether to have an operator's port at all.")] = True,
    workers: Workers = 1,
    transport: Annotated[
        Transport, typer.Option(help="What carries Envoy's streams; h2corn needs the extra `fast`.")
    ] = Transport.GRPC,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Speak TLS, with this certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Let in only clients whose certificate these vouch for.")
    ] = None,
    drain_seconds: Annotated[
        float, typer.Option(min=0, help="How long exchanges may take to end after SIGTERM.")
    ] = 30.0,
    reload_lag: Annotated[float, typer.Option(help="Seconds before a change takes effect.", hidden=True)] = 0.0,
    shared_port: Annotated[bool, typer.Option("--shared-port", help="Other workers have it too.", hidden=True)] = False,
    log_level: LogLevel = Level.INFO,
) -> None:
    """The processor alone, for an Envoy that runs elsewhere."""
    from aigw_extproc.config.snapshot import Address
    from aigw_extproc.run.ports import PortUnavailable, require_free
    from aigw_extproc.serve import ServeOptions, WorkerFailed, worker_address
    from aigw_extproc.serve import serve as serve_until_stopped

    set_up_logging(log_level)
    endpoints = {endpoint(worker_address(listen, index)) for index in range(workers)}
    options = ServeOptions(
        source=source_of(resources, region, simulator, secrets_dir),
        listen=listen,
        admin=(admin_host, admin_port) if admin else None,
        workers=workers,
        transport=transport.value,
        tls=_server_tls(tls_cert, tls_key, tls_client_ca),
        drain_seconds=drain_seconds,
        reload_lag=reload_lag,
        log_level=log_level,
    )
    if transport is Transport.H2CORN and find_spec("h2corn") is None:
        fail('--transport h2corn: it is not installed; run: pip install "aigw-extproc[fast]"')
    try:
        for taken in () if shared_port else sorted(endpoints, key=str):
            require_free(taken, option="--listen")
        if admin:
            require_free(Address(host=admin_host, port=admin_port), option="--admin-port")
        asyncio.run(serve_until_stopped(options))
    except ConfigError as error:
        refuse(error)
    except (OSError, PortUnavailable, WorkerFailed) as error:
        fail(str(error))


def _server_tls(
    certificate: Path | None,
    key: Path | None,
    client_ca: Path | None,
) -> ServerTls | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise typer.BadParameter("--tls-cert and --tls-key go together, --tls-client-ca with both")
    from aigw_extproc.extproc.tls import ServerTls

    return ServerTls(certificate=certificate, key=key, client_ca=client_ca)
