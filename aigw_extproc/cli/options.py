"""Options that several commands share."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from aigw_extproc.cli.output import LEVELS, fail
from aigw_extproc.config.resources.names import is_resource_name
from aigw_extproc.envoy.options import GATEWAY, ListenAddress, parse_address
from aigw_extproc.kubernetes.options import Access, GatewayName, KubernetesOptions
from aigw_extproc.ledger.options import LIMITS_VARIABLE
from aigw_extproc.serve.options import ADMIN
from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.store.options import VARIABLE, StoreOptions
from aigw_extproc.tracing.options import ENDPOINT_VARIABLE, TraceOptions, trace_options

log = logging.getLogger(__name__)

PATH = click.Path(path_type=Path)
PORT = click.IntRange(0, 65535)

resources = click.argument("resources", nargs=-1, type=PATH)
secrets_dir = click.option(
    "--secrets-dir", metavar="DIR", type=PATH, help="Mounted Secrets: DIR/NAME/KEY or DIR/NAMESPACE/NAME/KEY."
)
api_keys = click.option(
    "--api-keys", metavar="FILE", type=PATH, help="Clients need one of the API keys in this file; see `keys`."
)
region = click.option("--region", metavar="NAME", help="Any model of Bedrock in this region, without files.")
simulator = click.option("--simulator", metavar="HOST:PORT", help="Any model, from the simulator at this address.")
host = click.option("--host", default=GATEWAY.host, help="Address to listen on.")
port = click.option("--port", type=PORT, default=GATEWAY.port, help="Where clients connect.")
allow_host = click.option(
    "--allow-host", metavar="HOST", multiple=True, help="A host that requests may name, besides those of rules; repeat."
)
insecure = click.option("--insecure", is_flag=True, help="Serve everyone who can connect, without a warning.")
admin_port = click.option("--admin-port", type=PORT, default=ADMIN.port, help="Port of /readyz, /metrics and the page.")
workers = click.option("--workers", type=click.IntRange(min=1), default=1, help="Number of processor processes.")
_STORE = (
    click.option(
        "--store",
        metavar="FILE|redis://HOST",
        envvar=VARIABLE,
        help="Keep responses here, for previous_response_id and the like; a URL with a password better in AIGW_STORE.",
    ),
    click.option(
        "--store-hours", type=click.FloatRange(min=0, min_open=True), default=720, help="How long a response is kept."
    ),
    click.option("--store-mb", type=click.IntRange(min=1), default=1000, help="Size of all kept responses."),
)
otlp = click.option(
    "--otlp",
    metavar="URL",
    envvar=ENDPOINT_VARIABLE,
    help="Send traces to this OpenTelemetry collector, such as http://127.0.0.1:4318.",
)
trace_upstream = click.option(
    "--trace-upstream", is_flag=True, help="Tell upstreams which trace a request belongs to (traceparent)."
)
limits = click.option(
    "--limits",
    metavar="FILE|redis://HOST",
    envvar=LIMITS_VARIABLE,
    help="Count here what clients use, for rate limits and quotas; a URL with a password better in AIGW_LIMITS.",
)
page = click.option("--page/--no-page", default=True, help="The operator's page: on loopback, or with --page-token.")
page_token = click.option("--page-token", metavar="FILE", type=PATH, help="A file with the token that opens the page.")
published = click.option(
    "--published",
    metavar="FILE",
    type=PATH,
    help="What `serve --kubernetes --publish` writes: this process follows it, and needs no access to the API.",
)
_KUBERNETES = (
    click.option(
        "--kubernetes", is_flag=True, help="Read the resources of one Gateway, and all that it needs, from the API."
    ),
    click.option("--gateway", metavar="NAMESPACE/NAME", help="The Gateway whose routes are served."),
    click.option(
        "--gateway-class", metavar="NAME", help="Serve the Gateway only while it is of this class; by default of any."
    ),
    click.option(
        "--namespaces",
        metavar="NAME,NAME",
        help="The namespaces whose resources are read, besides the Gateway's own.",
    ),
    click.option(
        "--kubeconfig",
        metavar="FILE",
        type=PATH,
        help="How to reach the API. By default as this pod, or with $KUBECONFIG or ~/.kube/config.",
    ),
    click.option("--context", metavar="NAME", help="A context of the kubeconfig, instead of its current one."),
)
log_level = click.option(
    "--log-level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="info",
    help="The lowest level that is logged.",
)


def kubernetes(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the Kubernetes API to a command, which gets them as `cluster`, None without `--kubernetes`.

    A command's own options `gateway_service` and `status` belong to them.
    """
    names = ("kubernetes", "gateway", "gateway_class", "namespaces", "kubeconfig", "context")

    @wraps(command)
    def with_cluster(**given: Any) -> None:
        given["cluster"] = _kubernetes_of(
            **{name: given.pop(name) for name in names},
            service=given.pop("gateway_service", None),
            status=given.pop("status", False),
        )
        command(**given)

    added: Callable[..., None] = with_cluster
    for option in reversed(_KUBERNETES):
        added = option(added)
    return added


def store(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the store of responses to a command, which gets them as `store`, None without one."""

    @wraps(command)
    def with_store(*, store: str | None, store_hours: float, store_mb: int, **given: Any) -> None:
        seconds = max(1, round(store_hours * 3600))
        options = StoreOptions(place=store, max_seconds=seconds, max_bytes=store_mb * 10**6) if store else None
        command(store=options, **given)

    added: Callable[..., None] = with_store
    for option in reversed(_STORE):
        added = option(added)
    return added


def _kubernetes_of(
    *,
    kubernetes: bool,
    gateway: str | None,
    gateway_class: str | None,
    namespaces: str | None,
    kubeconfig: Path | None,
    context: str | None,
    service: str | None = None,
    status: bool = False,
) -> KubernetesOptions | None:
    """Return what is read from the API; None without `--kubernetes`.

    Raises:
        click.BadParameter: the options name no Gateway, or belong to `--kubernetes`, which is missing.
    """
    given = {"gateway": gateway, "gateway-class": gateway_class, "namespaces": namespaces, "kubeconfig": kubeconfig}
    given |= {"context": context, "gateway-service": service}
    if not kubernetes:
        unused = [f"--{name}" for name, value in given.items() if value is not None]
        if unused:
            raise click.BadParameter(f"{', '.join(unused)}: only with --kubernetes")
        return None
    namespace, _, name = (gateway or "").partition("/")
    if not (is_resource_name(namespace) and is_resource_name(name)):
        raise click.BadParameter("--kubernetes needs --gateway NAMESPACE/NAME")
    watched = tuple(filter(None, (each.strip() for each in (namespaces or "").split(","))))
    for each in watched:
        if not is_resource_name(each):
            raise click.BadParameter(f"--namespaces: {each!r} is not the name of a namespace")
    return KubernetesOptions(
        gateway=GatewayName(
            namespace=namespace, name=name, gateway_class=gateway_class, namespaces=watched, service=service
        ),
        access=Access(kubeconfig=kubeconfig, context=context),
        status=status,
    )


def source_of(
    resources: Sequence[Path],
    region: str | None,
    simulator: str | None,
    secrets: Path | None = None,
    api_keys: Path | None = None,
    published: Path | None = None,
    *,
    ledger: bool = True,
) -> ConfigurationSource:
    """Return the source that the options name.

    Raises:
        click.BadParameter: they name no source, or more than one.
    """
    chosen = [bool(resources), region is not None, simulator is not None, published is not None]
    if sum(chosen) != 1:
        cluster = ", or --kubernetes" if "kubernetes" in click.get_current_context().params else ""
        raise click.BadParameter(f"give resource files or folders, or --region{cluster}, and only one of them")
    if published is not None and api_keys is not None:
        raise click.BadParameter("--api-keys is for resource files; in a cluster use a SecurityPolicy")
    address = endpoint(simulator) if simulator is not None else None
    if isinstance(address, Path):
        raise click.BadParameter("a simulator listens on HOST:PORT")
    if secrets is not None and not resources:
        raise click.BadParameter("--secrets-dir needs resource files, whose Secrets it holds")
    return ConfigurationSource(
        paths=tuple(resources),
        secrets=secrets,
        region=region,
        simulator=address,
        published=published,
        api_keys=api_keys,
        ledger=ledger,
    )


def traces_of(url: str | None) -> TraceOptions | None:
    """Return where traces go, by the option and OpenTelemetry's variables.

    Raises:
        click.BadParameter: one of them cannot be used.
    """
    try:
        return trace_options(url, os.environ)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def own_traces_of(url: str | None) -> TraceOptions | None:
    """Return where the processor's traces go. Without OpenTelemetry's SDK a variable alone is no error: many set it.

    Raises:
        click.BadParameter: one of them cannot be used, or the SDK is not installed.
    """
    traces = traces_of(url)
    if traces is None or _is_installed("opentelemetry.exporter.otlp.proto.http"):
        return traces
    if click.get_current_context().get_parameter_source("otlp") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("--otlp needs OpenTelemetry's SDK: pip install 'aigw-extproc[otel]'")
    log.warning("%s has no effect: traces need pip install 'aigw-extproc[otel]'", ENDPOINT_VARIABLE)
    return None


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is the package that it is in
        return False


def endpoint(text: str) -> ListenAddress:
    """Parse `unix:///PATH` or `HOST:PORT`.

    Raises:
        click.BadParameter: it is neither.
    """
    try:
        return parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def require_token(file: Path | None) -> str:
    """Return the page's token, empty without a file; exit with an error if the file cannot be used."""
    if file is None:
        return ""
    from aigw_extproc.page.access import TokenUnusable, read_token

    try:
        return read_token(file)
    except TokenUnusable as error:
        fail(str(error))
