"""The group of all commands."""

from __future__ import annotations

from typing import Any, Final

import click

from aigw_extproc import __version__
from aigw_extproc.cli.output import count, fail
from aigw_extproc.errors import ConfigError

_SETTINGS: Final = {"show_default": True, "max_content_width": 100, "help_option_names": ["-h", "--help"]}


class _Commands(click.Group):
    """A group whose help lists commands in the order in which they were added, not alphabetically.

    If the configuration is invalid, it prints all problems, and exits with code 1. So it does without the packages
    that only `run` and `envoy-config` need.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                click.secho(f"error: {problem}", fg="red", err=True)
            fail(f"{count(error.problems, 'problem')} in the configuration")
        except ModuleNotFoundError as error:
            if not error.name or error.name.partition(".")[0] != "envoy_data_plane":
                raise
            fail("Envoy's configuration needs the types of its API: pip install 'aigw-extproc[local]'")


@click.group(cls=_Commands, context_settings=_SETTINGS)
@click.version_option(__version__, "--version", "-V", message="%(version)s")
def app() -> None:
    """Connect OpenAI and Anthropic clients to AWS Bedrock, through a stock Envoy."""
