"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from aigw_extproc.cli.output import LEVELS, fail
from aigw_extproc.envoy.options import GATEWAY, ListenAddress, parse_address
from aigw_extproc.serve.options import ADMIN
from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.store.options import VARIABLE, StoreOptions

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
store = click.option(
    "--store",
    metavar="FILE|redis://HOST",
    envvar=VARIABLE,
    help="Keep responses here, for previous_response_id and the like; a URL with a password better in AIGW_STORE.",
)
store_hours = click.option(
    "--store-hours", type=click.FloatRange(min=0, min_open=True), default=720, help="How long a response is kept."
)
store_mb = click.option("--store-mb", type=click.IntRange(min=1), default=1000, help="Size of all kept responses.")
page = click.option("--page/--no-page", default=True, help="The operator's page: on loopback, or with --page-token.")
page_token = click.option(
    "--page-token", metavar="FILE", type=PATH, help="Whoever opens the page needs the token in this file."
)
log_level = click.option(
    "--log-level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="info",
    help="The lowest level that is logged.",
)


def source_of(
    resources: Sequence[Path],
    region: str | None,
    simulator: str | None,
    secrets: Path | None = None,
    api_keys: Path | None = None,
) -> ConfigurationSource:
    """Return the source that the options name.

    Raises:
        click.BadParameter: they name no source, or more than one.
    """
    chosen = [bool(resources), region is not None, simulator is not None]
    if sum(chosen) != 1:
        raise click.BadParameter("give resource files or folders, or --region, and not both")
    address = endpoint(simulator) if simulator is not None else None
    if isinstance(address, Path):
        raise click.BadParameter("a simulator listens on HOST:PORT")
    if secrets is not None and not resources:
        raise click.BadParameter("--secrets-dir needs resource files, whose Secrets it holds")
    return ConfigurationSource(
        paths=tuple(resources), secrets=secrets, region=region, simulator=address, api_keys=api_keys
    )


def store_of(place: str | None, hours: float, megabytes: int) -> StoreOptions | None:
    """Return the store that the options name, if any."""
    if not place:
        return None
    return StoreOptions(place=place, max_seconds=max(1, round(hours * 3600)), max_bytes=megabytes * 10**6)


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
