"""Advice for each of Bedrock's errors, as a table.

https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
https://repost.aws/knowledge-center/bedrock-invokemodel-api-error
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from aigw_extproc.doctor.clock import SET_THE_CLOCK


class Stage(Enum):
    """How far a probe got, or which part of the setup stopped it."""

    NOT_BEDROCK = auto()
    """The response is not Bedrock's."""
    CALLER = auto()
    """AWS does not accept the credentials."""
    ACCESS = auto()
    """AWS accepts the credentials and denies the access."""
    MODEL = auto()
    """The model is not available under this name or in this way."""
    RETRY = auto()
    """Temporary: throttled, or a fault of Bedrock."""
    REACHED = auto()
    """The request reached the model's own validation."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The next step after an error whose message matches `text`."""

    stage: Stage
    next_step: str
    """A format of `{model}`, `{region}`, `{profile}` and the named groups of `text`, which are in capitals."""
    text: re.Pattern[str] = re.compile("")


def _when(text: str, stage: Stage, next_step: str) -> Advice:
    return Advice(stage, next_step, re.compile(text, re.IGNORECASE))


_WRONG_KEY = (
    "the secret access key does not belong to the access key id: copy both again, without white space around them; "
    "a proxy in front of the endpoint must change neither the path nor the Host header"
)
_WRONG_REGION = (
    "requests are signed for {region}, but the endpoint belongs to another region or service: make `region` in the "
    "BackendSecurityPolicy and the Backend's host name the same region"
)
_RENEW = (
    "get new temporary credentials: run `aws sso login`, restart the pod for a projected token, or put new ones into "
    "the Secret"
)
_UNKNOWN_KEY = (
    "AWS does not know this access key: check that it is active (`aws iam list-access-keys`), that a temporary key "
    "(ASIA…) comes with its session token, and that the key belongs to the partition of {region}"
)
_REQUEST_ACCESS = (
    "enable {model} for this account in {region} (Amazon Bedrock console, Model catalog), then wait two minutes"
)
_ALLOW = (
    "allow {ACTION} on {RESOURCE} in a policy of this identity; an inference profile needs it for the profile and for "
    "the model in every region that the profile routes to"
)
_OTHER_MODEL = (
    "check the spelling of the model, and that {region} has it: "
    "`aws bedrock list-foundation-models --region {region}` and `aws bedrock list-inference-profiles --region {region}`"
)
_USE_PROFILE = (
    "use an inference profile instead, such as {profile} (modelNameOverride keeps the model's name for clients); "
    "`aws bedrock list-inference-profiles --region {region}` lists them"
)
CHECK_HOST = (
    "check that the Backend's host is bedrock-runtime.{region}.amazonaws.com or a VPC endpoint for bedrock-runtime, "
    "and that no proxy answers in its place"
)
_WAIT = "wait and run doctor again; if the error persists, see https://health.aws.amazon.com for Bedrock in {region}"
_QUOTA = (
    "wait, or request a higher quota for {model} in {region} (Service Quotas, Amazon Bedrock); cross-region "
    "inference profiles have higher ones"
)

ADVICE: Mapping[str, tuple[Advice, ...]] = {
    "UnrecognizedClientException": (Advice(Stage.CALLER, _UNKNOWN_KEY),),
    "InvalidClientTokenIdException": (Advice(Stage.CALLER, _UNKNOWN_KEY),),
    "ExpiredTokenException": (Advice(Stage.CALLER, _RENEW),),
    "InvalidSignatureException": (
        _when("signature expired|not yet current", Stage.CALLER, SET_THE_CLOCK),
        _when("credential should be scoped", Stage.CALLER, _WRONG_REGION),
        Advice(Stage.CALLER, _WRONG_KEY),
    ),
    "IncompleteSignatureException": (Advice(Stage.CALLER, _WRONG_KEY),),
    "MissingAuthenticationTokenException": (
        Advice(Stage.CALLER, "no signature arrived: a proxy in front of the endpoint must forward `authorization`"),
    ),
    "OptInRequiredException": (
        Advice(Stage.CALLER, "enable {region}, and Bedrock, for this account in the AWS console (Account, Regions)"),
    ),
    "AccessDeniedException": (
        _when("API key", Stage.CALLER, "create a new Bedrock API key, in {region}: this one is wrong or has expired"),
        _when(
            r"perform: (?P<ACTION>[\w:*-]+) on resource: (?P<RESOURCE>\S+) with an explicit deny",
            Stage.ACCESS,
            "find the policy that denies {ACTION} on {RESOURCE}: an identity policy, a permissions boundary, the "
            "policy of a VPC endpoint, or a service control policy, which often allows certain regions only",
        ),
        _when(r"perform: (?P<ACTION>[\w:*-]+) on resource: (?P<RESOURCE>\S+)", Stage.ACCESS, _ALLOW),
        _when(
            "marketplace",
            Stage.ACCESS,
            "subscribe to the model once, as an identity allowed aws-marketplace:Subscribe and ViewSubscriptions, "
            "and check that the account has a valid payment method; then wait two minutes",
        ),
        _when("legacy", Stage.MODEL, "the provider is retiring this model: use its successor"),
        _when(
            "countries|regions?, or territories",
            Stage.ACCESS,
            "the provider does not serve the country of this request or of this account: use another model",
        ),
        Advice(Stage.ACCESS, _REQUEST_ACCESS),
    ),
    "ResourceNotFoundException": (
        _when(
            "use case details",
            Stage.ACCESS,
            "fill in Anthropic's use case form once for this account: Amazon Bedrock console, Model catalog, {model}",
        ),
        _when("end of its life", Stage.MODEL, "the model is no longer available: use its successor"),
        Advice(Stage.MODEL, _OTHER_MODEL),
    ),
    "ValidationException": (
        _when("on-demand throughput isn.t supported", Stage.MODEL, _USE_PROFILE),
        _when("model identifier is invalid|model id|model arn", Stage.MODEL, _OTHER_MODEL),
        _when(
            "operation not allowed",
            Stage.ACCESS,
            "AWS has disabled Bedrock for this account, as for new or unpaid ones: ask AWS Support to enable it",
        ),
        Advice(Stage.REACHED, ""),
    ),
    "ThrottlingException": (Advice(Stage.RETRY, _QUOTA),),
    "TooManyRequestsException": (Advice(Stage.RETRY, _QUOTA),),
    "ServiceQuotaExceededException": (Advice(Stage.RETRY, _QUOTA),),
    "ModelNotReadyException": (Advice(Stage.RETRY, _WAIT),),
    "ServiceUnavailableException": (Advice(Stage.RETRY, _WAIT),),
    "InternalServerException": (Advice(Stage.RETRY, _WAIT),),
    "UnknownOperationException": (Advice(Stage.NOT_BEDROCK, CHECK_HOST),),
}
"""By the exception's name; the first advice whose text matches the message applies."""

UNKNOWN = (
    Advice(
        Stage.ACCESS, "look the error up: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html"
    ),
)
"""For any other exception."""
