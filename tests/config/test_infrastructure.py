"""Tests for aigw_extproc.config.resources.infrastructure."""

from aigw_extproc.config.resources.ai_gateway import ResourceMetadata
from aigw_extproc.config.resources.infrastructure import SecretResource


def test_repr_of_a_secret_has_no_value():
    secret = SecretResource(
        api_version="v1",
        kind="Secret",
        metadata=ResourceMetadata(name="s"),
        data={"a": "canary"},
        string_data={"b": "canary"},
    )
    assert repr(secret) == str(secret) == "Secret default/s"
