"""Whose credentials they are, by STS. Everything here blocks."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from aigw_extproc.aws.identity import BearerToken, Identity
from aigw_extproc.doctor.checks import Check, failed, ok, skipped

NAME = "identity"
STS_SECONDS = 9.0
"""What the timeouts below come to, and a little for the name."""

ONCE = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
"""How a person at a terminal wants STS to be asked."""


def identify(identity: Identity, region: str) -> Check:
    """Asks STS in `region` for account and ARN; that takes no permission.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    if isinstance(identity, BearerToken):
        return skipped(NAME, "STS does not know Bedrock API keys")
    try:
        sts = Session().create_client(
            "sts",
            region_name=region,
            config=ONCE,
            aws_access_key_id=identity.access_key_id,
            aws_secret_access_key=identity.secret_access_key,
            aws_session_token=identity.session_token,
        )
        answer = sts.get_caller_identity()
    except ClientError as failure:
        return _refused(failure.response.get("Error", {}))
    except (BotoCoreError, OSError) as failure:
        return skipped(NAME, f"STS cannot be asked from here, and only this check has to: {failure}")
    return ok(NAME, f"account {answer['Account']}, {answer['Arn']}")


def _refused(error: Mapping[str, str]) -> Check:
    code = error.get("Code", "")
    # STS explains a wrong signature by the canonical request, token and all.
    detail = f"{code}: {error.get('Message', '').partition(chr(10))[0]}"
    if code not in _NEXT_STEPS:
        return skipped(NAME, f"STS does not tell: {detail}")
    return failed(NAME, detail, _NEXT_STEPS[code])


_NEXT_STEPS = {
    "InvalidClientTokenId": (
        "AWS does not know this access key: see that it is active, that a temporary key (ASIA…) comes with its session "
        "token, and that the region is enabled for the account"
    ),
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key id, or the clock is wrong",
    "ExpiredToken": "get new temporary credentials from what issued them",
    "ExpiredTokenException": "get new temporary credentials from what issued them",
    "RequestExpired": "set this machine's clock",
}
