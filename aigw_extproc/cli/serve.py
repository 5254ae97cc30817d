"""`aigw-extproc serve`."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import PATH, endpoint, own_traces_of, require_token, source_of
from aigw_extproc.cli.output import fail, set_up_logging
from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import PROCESSOR
from aigw_extproc.extproc.transport import FORMER_TRANSPORTS, TRANSPORTS, Transport
from aigw_extproc.kubernetes.options import KubernetesOptions, NoCluster
from aigw_extproc.label_headers import VARIABLE, label_headers
from aigw_extproc.serve.options import ADMIN, ServeOptions
from aigw_extproc.store.options import StoreOptions

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from aigw_extproc.extproc.tls import ServerTls


@app.command()
@options.resources
@options.region
@options.simulator
@options.secrets_dir
@options.api_keys
@options.kubernetes
@click.option(
    "--gateway-service",
    metavar="[NAMESPACE/]NAME",
    help="The Service whose addresses are the Gateway's; without a namespace, in that of the Gateway.",
)
@click.option("--status/--no-status", default=True, help="Whether to write what became of resources into their status.")
@click.option(
    "--publish",
    metavar="DIR",
    type=PATH,
    help="Where to write what was read, for `--published` of other processes. By default a folder in memory.",
)
@options.published
@click.option(
    "--listen",
    metavar="ADDRESS",
    default=f"{PROCESSOR.host}:{PROCESSOR.port}",
    help="unix:///PATH or HOST:PORT, for Envoy.",
)
@click.option("--admin-host", default=ADMIN.host, help="Address of the operator's port.")
@options.admin_port
@options.page
@options.page_token
@click.option(
    "--gateway-url", metavar="URL", default="", help="Where clients connect to Envoy, for the page's playground."
)
@click.option("--admin/--no-admin", default=True, help="Whether to open the operator's port.")
@options.workers
@click.option(
    "--transport",
    type=click.Choice((*TRANSPORTS, *FORMER_TRANSPORTS)),
    metavar=f"[{'|'.join(TRANSPORTS)}]",
    default="http2",
    help="The server of Envoy's streams.",
)
@click.option("--tls-cert", metavar="FILE", type=PATH, help="Use TLS, with this certificate.")
@click.option("--tls-key", metavar="FILE", type=PATH, help="The certificate's key.")
@click.option(
    "--tls-client-ca", metavar="FILE", type=PATH, help="Accept only clients with a certificate that these signed."
)
@options.store
@options.limits
@options.allow_host
@options.insecure
@click.option("--exposed", is_flag=True, hidden=True, help="Other machines can connect to the gateway.")
@click.option(
    "--body-budget",
    metavar="MB",
    type=click.IntRange(min=1),
    help="Request bodies that a worker holds at most. Default: a quarter of the memory limit, shared by the workers.",
)
@click.option(
    "--ready-needs-credentials",
    is_flag=True,
    help="Not ready (/readyz) before there were AWS credentials to sign with, so that a rollout without them stops.",
)
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    default=30.0,
    help="How long exchanges may take to end after SIGTERM.",
)
@click.option("--reload-lag", default=0.0, hidden=True, help="Seconds before a change takes effect.")
@click.option("--envoy-admin", type=PATH, hidden=True, help="The socket of Envoy's admin interface.")
@click.option("--record-traffic", is_flag=True, hidden=True, help="Tell the supervising process the last exchanges.")
@click.option("--shared-port", is_flag=True, hidden=True, help="Other workers listen on the same port.")
@options.otlp
@options.trace_upstream
@options.log_level
def serve(
    resources: tuple[Path, ...],
    region: str | None,
    simulator: str | None,
    secrets_dir: Path | None,
    api_keys: Path | None,
    cluster: KubernetesOptions | None,
    publish: Path | None,
    published: Path | None,
    listen: str,
    admin_host: str,
    admin_port: int,
    page: bool,
    page_token: Path | None,
    gateway_url: str,
    admin: bool,
    workers: int,
    transport: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    store: StoreOptions | None,
    limits: str | None,
    allow_host: tuple[str, ...],
    insecure: bool,
    exposed: bool,
    body_budget: int | None,
    ready_needs_credentials: bool,
    drain_seconds: float,
    reload_lag: float,
    envoy_admin: Path | None,
    record_traffic: bool,
    shared_port: bool,
    otlp: str | None,
    trace_upstream: bool,
    log_level: str,
) -> None:
    """Run the processor alone, for an Envoy that runs elsewhere. RESOURCES are resource files, or folders of them."""
    from aigw_extproc.run.ports import PortUnavailable, require_free
    from aigw_extproc.serve.child import ChildFailed
    from aigw_extproc.serve.memory import default_budget
    from aigw_extproc.serve.process import serve as serve_until_stopped
    from aigw_extproc.serve.workers import worker_address

    set_up_logging(log_level)
    _check_label_headers()
    traces = own_traces_of(otlp)
    require_token(page_token)
    published = _published(cluster, publish, published)
    operator = Address(host=admin_host, port=admin_port) if admin else None
    endpoints = {endpoint(worker_address(listen, index)) for index in range(workers)}
    serve_options = ServeOptions(
        source=source_of(resources, region, simulator, secrets_dir, api_keys, published, ledger=bool(limits)),
        kubernetes=cluster,
        listen=listen,
        admin=operator,
        envoy_admin=envoy_admin,
        page=page,
        page_token=page_token,
        gateway=_url(gateway_url),
        record_traffic=record_traffic,
        workers=workers,
        transport=_current(transport),
        tls=_server_tls(tls_cert, tls_key, tls_client_ca),
        allowed_hosts=allow_host,
        exposed=exposed,
        insecure=insecure,
        body_budget=body_budget * 10**6 if body_budget is not None else default_budget(workers),
        store=store,
        limits=limits or None,
        ready_needs_credentials=ready_needs_credentials,
        drain_seconds=drain_seconds,
        reload_lag=reload_lag,
        otlp=otlp if traces else None,
        traces=traces,
        trace_upstream=trace_upstream,
        log_level=log_level,
    )
    try:
        for each in () if shared_port else sorted(endpoints, key=str):
            require_free(each, option="--listen")
        if operator:
            require_free(operator, option="--admin-port")
        asyncio.run(serve_until_stopped(serve_options))
    except (OSError, NoCluster, PortUnavailable, ChildFailed) as error:
        fail(str(error))


def _published(cluster: KubernetesOptions | None, publish: Path | None, published: Path | None) -> Path | None:
    """Return the file of what is read from the API: one that this process writes, or follows; None for other sources.

    Raises:
        click.BadParameter: the options do not belong together.
    """
    if cluster is None:
        if publish is not None:
            raise click.BadParameter("--publish: only with --kubernetes")
        return published
    if published is not None:
        raise click.BadParameter("--published is for processes without --kubernetes; use --publish")
    from aigw_extproc.serve.following import publishing_folder

    try:
        return click.get_current_context().with_resource(publishing_folder(publish))
    except OSError as error:
        fail(f"--publish {publish}: {error.strerror}")


def _check_label_headers() -> None:
    try:
        label_headers(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        fail(str(error))


def _url(gateway: str) -> str:
    parts = urlsplit(gateway)
    if gateway and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise click.BadParameter(f"{gateway!r}: expected http://HOST:PORT", param_hint="--gateway-url")
    return gateway


def _current(transport: str) -> Transport:
    """Return the transport of this name, which may be a former one."""
    current = FORMER_TRANSPORTS.get(transport)
    if current is not None:
        log.warning("--transport %s is now %s; the next minor version will refuse the old name", transport, current)
        return current
    return next(one for one in TRANSPORTS if one == transport)


def _server_tls(
    certificate: Path | None,
    key: Path | None,
    client_ca: Path | None,
) -> ServerTls | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise click.BadParameter("--tls-cert and --tls-key need each other, and --tls-client-ca needs both")
    from aigw_extproc.extproc.tls import ServerTls

    return ServerTls(certificate=certificate, key=key, client_ca=client_ca)
