"""The command line: `aigw-extproc run | serve | check | doctor | envoy-config | simulator`.

Every command is a thin layer over one function elsewhere; heavy imports happen inside the command that needs them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sized
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from aigw_extproc import __version__
from aigw_extproc.errors import ConfigError
from aigw_extproc.source import Source

if TYPE_CHECKING:
    from aigw_extproc.config.snapshot import Snapshot
    from aigw_extproc.envoy.options import Endpoint, Options, ProcessorTls
    from aigw_extproc.extproc.tls import ServerTls

app = typer.Typer(
    help="OpenAI clients to AWS Bedrock, through a stock Envoy.", no_args_is_help=True, pretty_exceptions_enable=False
)
# What is shown may hold brackets and colons of the user's own, which are neither markup nor emoji.
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


class Level(StrEnum):
    """From where on messages are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Transport(StrEnum):
    GRPC = "grpc"
    H2CORN = "h2corn"


Resources = Annotated[list[Path] | None, typer.Argument(help="Resource files, or folders of them.", show_default=False)]
Secrets = Annotated[
    Path | None,
    typer.Option("--secrets-dir", metavar="DIR", help="Mounted Secrets: DIR/NAME/KEY or DIR/NAMESPACE/NAME/KEY."),
]
Region = Annotated[str | None, typer.Option(help="No file at all: any model, from Bedrock in this region.")]
Simulator = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Any model, from a simulator there.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Where clients connect.")]
AdminPort = Annotated[int, typer.Option(min=0, max=65535, help="Port of /healthz, /readyz and /metrics.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that answer Envoy.")]
LogLevel = Annotated[Level, typer.Option(case_sensitive=False, help="What is logged, from this level on.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """OpenAI clients to AWS Bedrock, through a stock Envoy."""


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
        source=_source(resources, region, f"127.0.0.1:{simulator_port}" if demonstration else None, secrets_dir),
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
        _refuse(error)
    except (OSError, PortUnavailable, EnvoyNotFound, ChildFailed) as error:
        _fail(str(error))


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

    _set_up_logging(log_level)
    endpoints = {_endpoint(worker_address(listen, index)) for index in range(workers)}
    options = ServeOptions(
        source=_source(resources, region, simulator, secrets_dir),
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
        _fail('--transport h2corn: it is not installed; run: pip install "aigw-extproc[fast]"')
    try:
        for endpoint in () if shared_port else sorted(endpoints, key=str):
            require_free(endpoint, option="--listen")
        if admin:
            require_free(Address(host=admin_host, port=admin_port), option="--admin-port")
        asyncio.run(serve_until_stopped(options))
    except ConfigError as error:
        _refuse(error)
    except (OSError, PortUnavailable, WorkerFailed) as error:
        _fail(str(error))


@app.command()
def check(resources: Resources = None, region: Region = None, secrets_dir: Secrets = None) -> None:
    """Validates resource files: every fault at once, and what of them has no effect here."""
    try:
        configuration = _source(resources, region, None, secrets_dir).load()
    except ConfigError as error:
        _refuse(error)
    for ignored in configuration.ignored:
        out.print(f"ignored: {ignored}", style="dim")
    found = configuration.snapshot
    counts = (_count(found.rules, "rule"), _count(found.upstreams, "upstream"), _count(found.models, "model"))
    out.print(f"ok: {', '.join(counts)}")


@app.command()
def doctor(
    resources: Resources = None,
    region: Region = None,
    secrets_dir: Secrets = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as data.")] = False,
) -> None:
    """Finds out why it does not work: credentials, identity, network, clock and models of every backend."""
    from aigw_extproc.doctor import report
    from aigw_extproc.doctor.examination import examine

    try:
        snapshot = _source(resources, region, None, secrets_dir).load().snapshot
    except ConfigError as error:
        _refuse(error)
    diagnoses = asyncio.run(examine(snapshot))
    if as_json:
        print(report.to_json(diagnoses))
    else:
        report.show(diagnoses, Console(highlight=False, markup=False, emoji=False))
    raise typer.Exit(0 if all(diagnosis.healthy for diagnosis in diagnoses) else 1)


@app.command()
def envoy_config(
    resources: Resources = None,
    region: Region = None,
    simulator: Simulator = None,
    secrets_dir: Secrets = None,
    snippet: Annotated[bool, typer.Option("--snippet", help="Only what an Envoy that runs already needs.")] = False,
    processor: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Where `serve` listens; once per worker.", show_default=False),
    ] = None,
    processor_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Reach it over TLS; these vouch for it. All such files are Envoy's."),
    ] = None,
    processor_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="In its certificate; without one, its host.", show_default=False)
    ] = None,
    processor_client_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Envoy's own certificate, for `serve --tls-client-ca`.")
    ] = None,
    processor_client_key: Annotated[Path | None, typer.Option(metavar="FILE", help="That one's key.")] = None,
    host: Host = "127.0.0.1",
    port: Port = 1975,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead.")] = None,
    admin: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Envoy's own admin interface: unix:///PATH or HOST:PORT.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--write-to", metavar="DIR", help="Write it there, and keep its clusters up to date until stopped."
        ),
    ] = None,
) -> None:
    """Prints the Envoy configuration that `run` would use."""
    from aigw_extproc.config.snapshot import Address
    from aigw_extproc.envoy.options import PROCESSOR, Options

    if snippet and folder is not None:
        raise typer.BadParameter("--write-to writes a whole configuration: leave --snippet out")
    processors = tuple(map(_endpoint, processor)) if processor else (PROCESSOR,)
    tls = _processor_tls(processor_ca, processor_name, processor_client_cert, processor_client_key, processors[0])
    options = Options(
        listen=Address(host=host, port=port),
        processors=processors,
        processor_tls=tls,
        admin=_endpoint(admin) if admin else None,
    )
    if folder is not None:
        _write(_source(resources, region, simulator, secrets_dir), options, folder)
        return
    snapshot = None
    if not snippet or resources or region is not None or simulator is not None:
        try:
            snapshot = _source(resources, region, simulator, secrets_dir).load().snapshot
        except ConfigError as error:
            _refuse(error)
    text = _whole(snapshot, options) if snapshot and not snippet else _snippet(snapshot, options)
    if output is None:
        print(text)
        return
    try:
        output.write_text(text)
    except OSError as error:
        _fail(f"--output {output}: {error.strerror}")


@app.command()
def simulator(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8091,
    log_level: LogLevel = Level.INFO,
) -> None:
    """The Bedrock simulator alone: it checks signatures and requests as Bedrock does."""
    from aigw_extproc.simulator import server
    from aigw_extproc.simulator.settings import Settings

    _set_up_logging(log_level)
    try:
        server.run(
            host, port, Settings(), on_ready=lambda bound: print(f"simulator: ready on {host}:{bound}", flush=True)
        )
    except OSError as error:
        _fail(f"cannot listen on {host}:{port}: {error.strerror}; choose another port with --port")


@app.command()
def models(
    model: Annotated[
        str | None, typer.Argument(help="A model id, inference profile or ARN.", show_default=False)
    ] = None,
) -> None:
    """What the gateway knows about a model, and from which row of its table; without one, the whole table."""
    from aigw_extproc.bedrock.families import Family, base_model, builtin

    table = builtin()
    if model is None:
        for name, row in sorted(table.rows.items()):
            print(name, *(f"{fact}={_fact(value)}" for fact, value in row.items()))
        return
    sources = {fact: name for name, row in table.applying(model) for fact in row}
    print(f"{model} is looked up as {base_model(model)}")
    if not sources:
        print("no row begins like it, so it gets the defaults, which claim the least")
    for fact in Family.__struct_fields__:
        print(f"{fact:25} {_fact(getattr(table.of(model), fact)):50} {sources.get(fact, '(default)')}")


@app.command()
def version() -> None:
    """Prints the version."""
    print(__version__)


def _fact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _snippet(snapshot: Snapshot | None, options: Options) -> str:
    from aigw_extproc.envoy.snippet import snippet  # takes half a second to import

    return snippet(snapshot, options)


def _whole(snapshot: Snapshot, options: Options) -> str:
    from aigw_extproc.envoy.render import render, to_yaml  # takes half a second to import

    return to_yaml(render(snapshot, options))


def _write(source: Source, options: Options, folder: Path) -> None:
    """Into files, and the clusters anew after each change of the resources, until SIGTERM or SIGINT."""
    from dataclasses import replace

    from aigw_extproc.run.envoy import EnvoyFiles, write_until_stopped

    files = EnvoyFiles(options=replace(options, clusters_file=folder.absolute() / "clusters.yaml"))
    try:
        asyncio.run(write_until_stopped(source, files))
    except ConfigError as error:
        _refuse(error)
    except OSError as error:
        _fail(f"cannot write into {folder}: {error.strerror}")


def _show_ready(curl: str) -> None:
    out.print("\nready. Try:\n", style="bold green")
    print(curl + "\n", flush=True)


def _show_log(child: str, line: str) -> None:
    print(f"{child}: {line}", flush=True)


def _endpoint(text: str) -> Endpoint:
    from aigw_extproc.envoy.options import parse_endpoint

    try:
        return parse_endpoint(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


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


def _processor_tls(
    ca: Path | None, name: str | None, certificate: Path | None, key: Path | None, processor: Endpoint
) -> ProcessorTls | None:
    from aigw_extproc.envoy.options import ProcessorTls

    if (certificate is None) is not (key is None):
        raise typer.BadParameter("--processor-client-cert and --processor-client-key go together")
    if ca is None:
        if name is not None or certificate is not None:
            raise typer.BadParameter("--processor-name and --processor-client-cert go with --processor-ca")
        return None
    expected = name or (None if isinstance(processor, Path) else processor.host)
    if expected is None:
        raise typer.BadParameter("a socket has no host: say with --processor-name what its certificate is for")
    return ProcessorTls(ca=ca, name=expected, certificate=certificate, key=key)


def _source(
    resources: list[Path] | None, region: str | None, simulator: str | None, secrets: Path | None = None
) -> Source:
    from aigw_extproc.config.snapshot import Address

    chosen = [bool(resources), region is not None, simulator is not None]
    if sum(chosen) != 1:
        raise typer.BadParameter("give resource files or folders, or --region, and not both")
    if simulator is not None and not isinstance(_endpoint(simulator), Address):
        raise typer.BadParameter("a simulator listens on HOST:PORT")
    if secrets is not None and not resources:
        raise typer.BadParameter("--secrets-dir goes with resource files, whose Secrets it holds")
    return Source(paths=tuple(resources or ()), secrets=secrets, region=region, simulator=simulator)


def _refuse(error: ConfigError) -> NoReturn:
    for problem in error.problems:
        err.print(f"error: {problem}", style="red")
    _fail(f"{_count(error.problems, 'problem')} in the configuration")


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"


def _fail(message: str) -> NoReturn:
    err.print(message, style="bold red")
    raise typer.Exit(1)


def _set_up_logging(level: Level) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it tells of every start and stop
    # At debug level these tell of headers and bodies, and an answer of STS holds nothing but secrets. botocore's
    # warnings repeat, with a trace, what the cache tells in a line.
    for name in ("botocore", "urllib3", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # It tells of every change in a watched folder: that of a log in it too, which is changed by the telling, for ever.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
