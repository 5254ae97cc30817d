"""`aigw-extproc envoy-config`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import PATH, endpoint, source_of, traces_of
from aigw_extproc.cli.output import fail
from aigw_extproc.config.resources.names import quantity
from aigw_extproc.config.snapshot import Address, Snapshot
from aigw_extproc.envoy.options import PROCESSOR, ListenAddress, Options, ProcessorTls
from aigw_extproc.serve.source import ConfigurationSource


@app.command()
@options.resources
@options.region
@options.simulator
@options.secrets_dir
@options.published
@click.option("--snippet", is_flag=True, help="Print only the parts for an existing Envoy.")
@click.option("--processor", metavar="ADDRESS", multiple=True, help="Address of `serve`; repeat for each worker.")
@click.option(
    "--processor-ca",
    metavar="FILE",
    type=PATH,
    help="Connect to it over TLS, with these authorities. Envoy reads this file and the next ones.",
)
@click.option("--processor-name", metavar="NAME", help="The name in its certificate; by default its host.")
@click.option(
    "--processor-client-cert",
    metavar="FILE",
    type=PATH,
    help="Envoy's certificate, for `serve --tls-client-ca`.",
)
@click.option("--processor-client-key", metavar="FILE", type=PATH, help="The key of Envoy's certificate.")
@options.host
@options.port
@click.option("--output", metavar="FILE", type=PATH, help="Write it into this file instead.")
@click.option("--admin", metavar="ADDRESS", help="Envoy's admin interface: unix:///PATH or HOST:PORT.")
@options.otlp
@click.option(
    "--memory-limit",
    metavar="QUANTITY",
    help="Memory that Envoy may use, such as 1Gi: near it, Envoy refuses requests.",
)
@click.option(
    "--write-to",
    "folder",
    metavar="DIR",
    type=PATH,
    help="Write it into this folder, and keep its clusters up to date until stopped.",
)
def envoy_config(
    resources: tuple[Path, ...],
    region: str | None,
    simulator: str | None,
    secrets_dir: Path | None,
    published: Path | None,
    snippet: bool,
    processor: tuple[str, ...],
    processor_ca: Path | None,
    processor_name: str | None,
    processor_client_cert: Path | None,
    processor_client_key: Path | None,
    host: str,
    port: int,
    output: Path | None,
    admin: str | None,
    otlp: str | None,
    memory_limit: str | None,
    folder: Path | None,
) -> None:
    """Print the Envoy configuration that `run` would use. RESOURCES are resource files, or folders of them."""
    if snippet and folder is not None:
        raise click.BadParameter("--write-to writes a complete configuration; leave out --snippet")
    processors = tuple(map(endpoint, processor)) or (PROCESSOR,)
    tls = _processor_tls(processor_ca, processor_name, processor_client_cert, processor_client_key, processors[0])
    envoy_options = Options(
        listen=Address(host=host, port=port),
        processors=processors,
        processor_tls=tls,
        admin=endpoint(admin) if admin else None,
        memory_limit=_bytes(memory_limit) if memory_limit else None,
        traces=traces_of(otlp),
    )
    if folder is not None:
        _write(source_of(resources, region, simulator, secrets_dir, published=published), envoy_options, folder)
        return
    snapshot = None
    if not snippet or resources or any(each is not None for each in (region, simulator, published)):
        snapshot = source_of(resources, region, simulator, secrets_dir, published=published).load().snapshot
    text = _render(snapshot, envoy_options, snippet=snippet)
    if output is None:
        print(text)
        return
    try:
        output.write_text(text)
    except OSError as error:
        fail(f"--output {output}: {error.strerror}")


def _bytes(text: str) -> int:
    size = quantity(text)
    if not size:
        raise click.BadParameter(f"--memory-limit {text} is not a number of bytes, such as 512Mi")
    return size


def _render(snapshot: Snapshot | None, options: Options, *, snippet: bool) -> str:
    # Imported here: they take 0.5 s.
    from aigw_extproc.envoy import snippet as snippets
    from aigw_extproc.envoy.render import render, to_yaml

    return to_yaml(render(snapshot, options)) if snapshot and not snippet else snippets.snippet(snapshot, options)


def _write(source: ConfigurationSource, options: Options, folder: Path) -> None:
    """Write files, and rewrite the clusters after each change of the resources, until SIGTERM or SIGINT."""
    from aigw_extproc.run.envoy import EnvoyFiles, write_until_stopped

    try:
        asyncio.run(write_until_stopped(source, EnvoyFiles(folder.absolute(), options)))
    except OSError as error:
        fail(f"cannot write into {folder}: {error.strerror}")


def _processor_tls(
    ca: Path | None, name: str | None, certificate: Path | None, key: Path | None, processor: ListenAddress
) -> ProcessorTls | None:
    if (certificate is None) is not (key is None):
        raise click.BadParameter("--processor-client-cert and --processor-client-key need each other")
    if ca is None:
        if name is not None or certificate is not None:
            raise click.BadParameter("--processor-name and --processor-client-cert need --processor-ca")
        return None
    expected = name or (None if isinstance(processor, Path) else processor.host)
    if expected is None:
        raise click.BadParameter("a socket has no host: give the name in its certificate with --processor-name")
    return ProcessorTls(ca=ca, name=expected, certificate=certificate, key=key)
