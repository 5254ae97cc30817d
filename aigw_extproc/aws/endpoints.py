"""Bedrock's endpoints, by botocore's rules, without network access."""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError
from botocore.session import Session

SERVICE = "bedrock-runtime"


class NoEndpoint(Exception):
    """Bedrock has no such endpoint in the region; the text says why."""


def bedrock_host(region: str) -> str:
    """Return the host of Bedrock's runtime in a region of any partition.

    `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`, or the shared configuration file, choose the variant, as
    in AWS's SDKs: https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html

    Raises:
        NoEndpoint: there is none, or a variable or file is invalid.
    """
    session = Session()
    try:
        loader = session.get_component("data_loader")
        rules = loader.load_service_model(SERVICE, "endpoint-rule-set-1")
        endpoint = EndpointProvider(rules, loader.load_data("partitions")).resolve_endpoint(
            Region=region,
            UseFIPS=bool(session.get_config_variable("use_fips_endpoint")),
            UseDualStack=bool(session.get_config_variable("use_dualstack_endpoint")),
        )
    except BotoCoreError as error:
        raise NoEndpoint(str(error)) from None
    return urlsplit(str(endpoint.url)).netloc
