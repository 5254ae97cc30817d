"""What to do about each of Bedrock's errors: a table.

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
    """How far a probe got."""

    FOREIGN = auto()
    """What answered is not Bedrock."""
    CALLER = auto()
    """AWS does not believe who asks."""
    ACCESS = auto()
    """AWS knows who asks, and does not let them."""
    MODEL = auto()
    """The model cannot be had this way."""
    LATER = auto()
    """Not now: throttled, or Bedrock's own trouble."""
    REACHED = auto()
    """Everything before the model was passed."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about an error whose message has a certain text."""

    stage: Stage
    next_step: str
    """May name `{model}`, `{region}`, `{profile}` and, in capitals, parts of the message's match."""
    text: re.Pattern[str] = re.compile("")
    """What the message has to say."""


def _when(text: str, stage: Stage, next_step: str) -> Advice:
    return Advice(stage, next_step, re.compile(text, re.IGNORECASE))


_WRONG_KEY = (
    "the secret access key does not belong to the access key id: copy both again, without white space around them; "
    "if a proxy stands before the endpoint, it must change neither the path nor the Host header"
)
_WRONG_REGION = (
    "requests are signed for {region}, and the endpoint is another region's or another service's: make `region` in the "
    "BackendSecurityPolicy and the Backend's host name the same region"
)
_RENEW = (
    "get new temporary credentials: restart what issues them (`aws sso login`, the pod for a projected token), or put "
    "new ones into the Secret"
)
_UNKNOWN_KEY = (
    "AWS does not know this access key: see that it is active (`aws iam list-access-keys`), that a temporary key "
    "(ASIA…) comes with its session token, and that the key is of the partition of {region}"
)
_REQUEST_ACCESS = (
    "open the model to this account in {region}: Amazon Bedrock console, Model catalog, {model}; then wait two minutes"
)
_ALLOW = (
    "allow {ACTION} on {RESOURCE} in a policy of this identity; an inference profile needs it for the profile and for "
    "the model in every region that it leads to"
)
_OTHER_MODEL = (
    "see how the model is spelt, and whether {region} has it: "
    "`aws bedrock list-foundation-models --region {region}` and `aws bedrock list-inference-profiles --region {region}`"
)
_USE_PROFILE = (
    "ask for an inference profile instead, such as {profile} (modelNameOverride keeps the model's name for clients); "
    "`aws bedrock list-inference-profiles --region {region}` lists them"
)
NOT_BEDROCK = (
    "see that the Backend's host is bedrock-runtime.{region}.amazonaws.com or a VPC endpoint for bedrock-runtime, and "
    "that no proxy answers in its place"
)
_WAIT = "wait and run doctor again; if it stays, look at https://health.aws.amazon.com for Bedrock in {region}"
_QUOTA = (
    "wait, or ask for a higher quota of {model} in {region} (Service Quotas, Amazon Bedrock); a cross-region inference "
    "profile has more"
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
        Advice(Stage.CALLER, "no signature arrived: a proxy before the endpoint must pass on `authorization`"),
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
            "subscribe to the model once with an identity that may aws-marketplace:Subscribe and ViewSubscriptions, "
            "and see that the account can pay; then wait two minutes",
        ),
        _when("legacy", Stage.MODEL, "the provider retires this model: ask for its successor"),
        _when(
            "countries|regions?, or territories",
            Stage.ACCESS,
            "the provider does not serve the country that this request, or this account, comes from: use another model",
        ),
        Advice(Stage.ACCESS, _REQUEST_ACCESS),
    ),
    "ResourceNotFoundException": (
        _when(
            "use case details",
            Stage.ACCESS,
            "fill in Anthropic's use case form once for this account: Amazon Bedrock console, Model catalog, {model}",
        ),
        _when("end of its life", Stage.MODEL, "the model is no longer served: ask for its successor"),
        Advice(Stage.MODEL, _OTHER_MODEL),
    ),
    "ValidationException": (
        _when("on-demand throughput isn.t supported", Stage.MODEL, _USE_PROFILE),
        _when("model identifier is invalid|model id|model arn", Stage.MODEL, _OTHER_MODEL),
        _when(
            "operation not allowed",
            Stage.ACCESS,
            "AWS has closed Bedrock for this account, as it does for new or unpaid ones: ask AWS Support to open it",
        ),
        Advice(Stage.REACHED, ""),
    ),
    "ThrottlingException": (Advice(Stage.LATER, _QUOTA),),
    "TooManyRequestsException": (Advice(Stage.LATER, _QUOTA),),
    "ServiceQuotaExceededException": (Advice(Stage.LATER, _QUOTA),),
    "ModelNotReadyException": (Advice(Stage.LATER, _WAIT),),
    "ServiceUnavailableException": (Advice(Stage.LATER, _WAIT),),
    "InternalServerException": (Advice(Stage.LATER, _WAIT),),
    "UnknownOperationException": (Advice(Stage.FOREIGN, NOT_BEDROCK),),
}
"""By the exception's name: the first advice whose text is in the message holds."""

UNKNOWN = (
    Advice(
        Stage.ACCESS, "look the error up: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html"
    ),
)
"""For any other exception."""
