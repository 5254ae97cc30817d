"""Where a configuration comes from: resource files, a region alone, or a simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.builtin import demo_configuration, region_configuration
from aigw_extproc.config.compile import Configuration
from aigw_extproc.config.load import load
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Exactly one of the three is set."""

    paths: tuple[Path, ...] = ()
    """Resource files, and folders of them."""
    region: str | None = None
    """Any model, from Bedrock there, with the default chain's credentials."""
    simulator: str | None = None
    """`HOST:PORT`: any model, from the simulator there, with the credentials of AWS's documentation."""

    def load(self) -> Configuration:
        """Reads and validates.

        Raises:
            ConfigError: with every fault that was found.
        """
        if self.region is not None:
            return region_configuration(self.region)
        if self.simulator is not None:
            host, _, port = self.simulator.rpartition(":")
            credentials = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)
            return demo_configuration(host.strip("[]"), int(port), credentials)
        return load(self.paths)

    def arguments(self) -> Iterator[str]:
        """The same source, in the words of the command line."""
        yield from map(str, self.paths)
        if self.region is not None:
            yield from ("--region", self.region)
        if self.simulator is not None:
            yield from ("--simulator", self.simulator)
