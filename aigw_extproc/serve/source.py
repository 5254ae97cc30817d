"""Where a configuration comes from: resource files, a region alone, or a simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.builtin import demo_configuration, region_configuration, region_problem
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files.load import load
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Exactly one of paths, region and simulator is set."""

    paths: tuple[Path, ...] = ()
    """Resource files, and folders of them."""
    secrets: Path | None = None
    """A folder of mounted Secrets, for those that are not among the resources."""
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
            return _in_region(self.region)
        if self.simulator is not None:
            host, _, port = self.simulator.rpartition(":")
            credentials = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)
            return demo_configuration(host.strip("[]"), int(port), credentials)
        return load(self.paths, self.secrets)

    def arguments(self) -> Iterator[str]:
        """The same source, in the words of the command line."""
        yield from map(str, self.paths)
        if self.secrets is not None:
            yield from ("--secrets-dir", str(self.secrets))
        if self.region is not None:
            yield from ("--region", self.region)
        if self.simulator is not None:
            yield from ("--simulator", self.simulator)


def _in_region(region: str) -> Configuration:
    # botocore is a fifth of a second that other sources need not spend.
    from aigw_extproc.aws.endpoints import NoEndpoint, bedrock_host

    region_configuration(region)  # so that what is no region at all is told in our words
    try:
        return region_configuration(region, bedrock_host(region))
    except NoEndpoint as error:
        raise region_problem(str(error)) from None
