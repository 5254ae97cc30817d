"""The identity check: whom the credentials belong to, by STS. All calls block."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from aigw_extproc.aws.credentials.sources import client_keys
from aigw_extproc.aws.identity import BearerToken, Identity
from aigw_extproc.doctor.checks import Check, failed, ok, skipped

NAME = "identity"
STS_SECONDS = 9.0
"""The sum of the timeouts below, and a second for DNS."""

SINGLE_ATTEMPT = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
"""For STS clients: short timeouts and no retries."""


def identify(identity: Identity, region: str) -> Check:
    """Ask STS in `region` for account and ARN, which needs no permission.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    if isinstance(identity, BearerToken):
        return skipped(NAME, "STS does not know Bedrock API keys")
    try:
        sts = Session().create_client("sts", region_name=region, config=SINGLE_ATTEMPT, **client_keys(identity))
        response = sts.get_caller_identity()
    except ClientError as failure:
        return _refused(failure.response.get("Error", {}))
    except (BotoCoreError, OSError) as failure:
        return skipped(NAME, f"STS cannot be reached, which only this check needs: {failure}")
    return ok(NAME, f"account {response['Account']}, {response['Arn']}")


def _refused(error: Mapping[str, str]) -> Check:
    code = error.get("Code", "")
    # For a wrong signature STS appends the canonical request, with the session token, after the first line.
    detail = f"{code}: {error.get('Message', '').partition(chr(10))[0]}"
    if code not in _NEXT_STEPS:
        return skipped(NAME, f"STS refused to answer: {detail}")
    return failed(NAME, detail, _NEXT_STEPS[code])


_NEXT_STEPS = {
    "InvalidClientTokenId": (
        "AWS does not know this access key: check that it is active, that a temporary key (ASIA…) comes with its "
        "session token, and that the region is enabled for the account"
    ),
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key id, or the clock is wrong",
    "ExpiredToken": "get new temporary credentials from their issuer",
    "ExpiredTokenException": "get new temporary credentials from their issuer",
    "RequestExpired": "set this machine's clock",
}
