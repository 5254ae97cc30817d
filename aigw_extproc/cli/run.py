"""`aigw-extproc run`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import own_traces_of, require_token, source_of
from aigw_extproc.cli.output import fail
from aigw_extproc.envoy.options import SIMULATOR
from aigw_extproc.kubernetes.options import KubernetesOptions, NoCluster
from aigw_extproc.serve.options import ADMIN
from aigw_extproc.store.options import StoreOptions


@app.command()
@options.resources
@options.region
@options.secrets_dir
@options.api_keys
@options.kubernetes
@options.host
@options.port
@options.allow_host
@options.insecure
@options.admin_port
@options.page
@options.page_token
@click.option(
    "--simulator-port",
    type=click.IntRange(1, 65535),
    default=SIMULATOR.port,
    help="Port of the demonstration's simulator.",
)
@options.store
@options.limits
@options.workers
@click.option("--access-log/--no-access-log", default=True, help="One line per request, on standard output.")
@options.otlp
@options.trace_upstream
@options.log_level
def run(
    resources: tuple[Path, ...],
    region: str | None,
    secrets_dir: Path | None,
    api_keys: Path | None,
    cluster: KubernetesOptions | None,
    host: str,
    port: int,
    allow_host: tuple[str, ...],
    insecure: bool,
    admin_port: int,
    page: bool,
    page_token: Path | None,
    simulator_port: int,
    store: StoreOptions | None,
    limits: str | None,
    workers: int,
    access_log: bool,
    otlp: str | None,
    trace_upstream: bool,
    log_level: str,
) -> None:
    """Run Envoy and the processor on this machine.

    RESOURCES are resource files, or folders of them. Without RESOURCES, --region and --kubernetes, it is a
    demonstration with the simulator, which needs no AWS account.
    """
    from aigw_extproc.config.snapshot import Address
    from aigw_extproc.envoy.binary import EnvoyNotFound
    from aigw_extproc.run.gateway import RunOptions
    from aigw_extproc.run.gateway import run as run_until_stopped
    from aigw_extproc.run.ports import PortUnavailable
    from aigw_extproc.serve.child import ChildFailed

    require_token(page_token)
    traces = own_traces_of(otlp)
    published = None
    if cluster is not None:
        from aigw_extproc.serve.following import publishing_folder

        published = click.get_current_context().with_resource(publishing_folder(None))
    demonstration = not resources and region is None and cluster is None
    run_options = RunOptions(
        source=source_of(
            resources,
            region,
            f"127.0.0.1:{simulator_port}" if demonstration else None,
            secrets_dir,
            api_keys,
            published,
        ),
        kubernetes=cluster,
        listen=Address(host=host, port=port),
        allowed_hosts=allow_host,
        insecure=insecure,
        admin=replace(ADMIN, port=admin_port),
        page=page,
        page_token=page_token,
        start_simulator=demonstration,
        store=store,
        limits=limits or None,
        workers=workers,
        access_log=access_log,
        otlp=otlp if traces else None,
        traces=traces,
        trace_upstream=trace_upstream,
        log_level=log_level,
    )
    try:
        on_ready = partial(_show_ready, page=f"http://{run_options.admin}/" if page else None)
        asyncio.run(run_until_stopped(run_options, on_ready=on_ready, on_log=_show_log))
    except (OSError, NoCluster, PortUnavailable, EnvoyNotFound, ChildFailed) as error:
        fail(str(error))


def _show_ready(curl: str, *, page: str | None) -> None:
    click.secho("\nready. Try:\n", fg="green", bold=True)
    print(curl + "\n", flush=True)
    if page is not None:
        print(f"or look at {page}\n", flush=True)


def _show_log(child: str, line: str) -> None:
    print(f"{child}: {line}", flush=True)
