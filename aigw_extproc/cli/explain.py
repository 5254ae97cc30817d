"""`aigw-extproc explain`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import PATH, source_of
from aigw_extproc.cli.output import fail


@app.command()
@options.resources
@options.region
@options.simulator
@options.secrets_dir
@options.api_keys
@options.allow_host
@click.option(
    "--request",
    "request_file",
    metavar="FILE",
    type=PATH,
    required=True,
    help="The body of the client's request; `-` for standard input.",
)
@click.option("--header", "headers", metavar="NAME:VALUE", multiple=True, help="A header of the request; repeat.")
@click.option("--path", metavar="PATH", help="Where it is sent. Default: `_path` in the body, or chat completions.")
@click.option("--method", default="POST", help="Its method.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def explain(
    resources: tuple[Path, ...],
    region: str | None,
    simulator: str | None,
    secrets_dir: Path | None,
    api_keys: Path | None,
    allow_host: tuple[str, ...],
    request_file: Path,
    headers: tuple[str, ...],
    path: str | None,
    method: str,
    as_json: bool,
) -> None:
    """Show what the gateway would do with one request.

    Nobody is called: the report has the rule, the backends, the translated request, its signature and Envoy's route,
    and no secret. RESOURCES are files, or folders of them.
    """
    from rich.console import Console

    from aigw_extproc.explain import report
    from aigw_extproc.explain.explain import Setting
    from aigw_extproc.explain.explain import explain as explain_request
    from aigw_extproc.explain.explanation import to_json
    from aigw_extproc.explain.request import client_request, header
    from aigw_extproc.routing import Router

    try:
        pairs = [header(text) for text in headers]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--header") from None
    try:
        data = sys.stdin.buffer.read() if str(request_file) == "-" else request_file.read_bytes()
    except OSError as error:
        fail(f"--request {request_file}: {error.strerror}")
    snapshot = source_of(resources, region, simulator, secrets_dir, api_keys).load().snapshot
    request = client_request(data, path=path, headers=pairs, method=method)
    explanation = explain_request(Router(snapshot, allow_host), request, Setting(now=time.time()))
    if as_json:
        sys.stdout.buffer.write(to_json(explanation) + b"\n")
    else:
        report.show(explanation, Console(highlight=False, markup=False, emoji=False, soft_wrap=False))
    sys.exit(0 if explanation.served else 1)
