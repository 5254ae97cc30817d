"""The group of all commands."""

from __future__ import annotations

import click

from aigw_extproc import __version__


class _InOrder(click.Group):
    """A group whose help lists commands in the order in which they were added, not alphabetically."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"show_default": True, "max_content_width": 100})
@click.version_option(__version__, "--version", "-V", message="%(version)s")
def app() -> None:
    """Connect OpenAI and Anthropic clients to AWS Bedrock, through a stock Envoy."""
