"""Sources of a configuration: resource files, a region, a simulator, or what was read from the Kubernetes API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.builtin import demo_configuration, region_configuration, region_problem
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files.load import load, load_keys
from aigw_extproc.config.resources.findings import Findings
from aigw_extproc.config.snapshot import Address
from aigw_extproc.kubernetes import published
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationSource:
    """The source of the configuration: exactly one of `paths`, `region`, `simulator` and `published` is set."""

    paths: tuple[Path, ...] = ()
    """Resource files, or folders of them."""
    secrets: Path | None = None
    """A folder of mounted Secrets, for those that are not among the resources."""
    region: str | None = None
    """An AWS region: any model of its Bedrock, with the credentials of the default chain."""
    simulator: Address | None = None
    """A simulator: any model, with the example credentials of AWS's documentation."""
    published: Path | None = None
    """The file into which one process writes what it reads from the Kubernetes API."""
    api_keys: Path | None = None
    """A file of API keys, which clients need for every rule without a policy of its own."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files and folders whose changes are applied."""
        return (*self.paths, *filter(None, (self.published, self.api_keys)))

    def load(self, findings: Findings | None = None) -> Configuration:
        """Read and validate the configuration; `findings` gets the remarks on its files.

        Raises:
            ConfigError: the configuration has errors; all of them are listed.
        """
        configuration = self._load(findings)
        return configuration if self.api_keys is None else load_keys(configuration, self.api_keys)

    def _load(self, findings: Findings | None) -> Configuration:
        if self.region is not None:
            return _in_region(self.region)
        if self.simulator is not None:
            credentials = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)
            return demo_configuration(self.simulator.host, self.simulator.port, credentials)
        if self.published is not None:
            return published.load(self.published)
        return load(self.paths, self.secrets, findings)

    def arguments(self) -> Iterator[str]:
        """Yield the command line arguments for this source."""
        yield from map(str, self.paths)
        if self.secrets is not None:
            yield from ("--secrets-dir", str(self.secrets))
        if self.published is not None:
            yield from ("--published", str(self.published))
        if self.api_keys is not None:
            yield from ("--api-keys", str(self.api_keys))
        if self.region is not None:
            yield from ("--region", self.region)
        if self.simulator is not None:
            yield from ("--simulator", str(self.simulator))


def _in_region(region: str) -> Configuration:
    # botocore takes 0.2 s to import, which other sources need not spend.
    from aigw_extproc.aws.endpoints import NoEndpoint, bedrock_host

    region_configuration(region)  # raises our own error if it is not a region
    try:
        return region_configuration(region, bedrock_host(region))
    except NoEndpoint as error:
        raise region_problem(str(error)) from None
