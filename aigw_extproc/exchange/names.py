"""Header values made of names that clients choose. Envoy refuses an answer with an invalid header value.

https://www.rfc-editor.org/rfc/rfc9110#name-field-values
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from aigw_extproc.errors import InvalidRequest

METADATA_NAMESPACE = "io.envoy.ai_gateway"  # of the dynamic metadata that Envoy's access log reads
OUTCOME_NAMESPACE = "io.envoy.ai_gateway.outcome"  # the same, of how an exchange has ended
INTERNAL_PREFIX = "x-ai-eg-"
"""Begins all headers between the processor and Envoy; a client cannot set them."""
IDLE_HEADER = "x-ai-eg-idle"
"""Selects the route with this idle timeout: `unlimited`, or one of `idle_value`. The route removes the header."""
ATTEMPTS_HEADER = "x-ai-eg-attempts"
"""Selects the route to a rule's cluster, on which Envoy tries one backend after the other."""
CLIENT_HEADER = "x-ai-eg-client"
"""The client's id, for attempts."""
OWNER_HEADER = "x-ai-eg-owner"
"""Whose stored responses the client may use, for attempts."""
IDENTITY_PREFIX = "x-ai-eg-identity-"
"""Precedes the names of headers that name the client to the upstream, for attempts."""
RETRY_HEADER = "x-ai-eg-retry"
"""On the response of an attempt: Envoy is to try another backend. Never reaches the client."""
BROKEN_HEADER = "x-ai-eg-broken"
"""On Envoy's own reply to an attempt whose whole answer broke off. Never reaches the client."""
CODE_HEADER = "x-ai-eg-code"
"""On the response of an attempt: the code of its error. Never reaches the client."""
ANSWERED_HEADER = "x-ai-eg-answered"
"""On the response of an attempt: the name of its backend. Never reaches the client."""
RETRIES_HEADER = "x-envoy-max-retries"
"""Envoy's limit of retries, in place of the route's. Its router removes it."""
ATTEMPT_TIMEOUT_HEADER = "x-envoy-upstream-rq-per-try-timeout-ms"
"""Envoy's limit of each attempt, until its answer begins. Its router removes it."""
TIMEOUT_HEADER = "x-envoy-upstream-rq-timeout-ms"
"""Envoy's limit of the answer. Its router removes it."""
TOKENS_NAMESPACE = "envoy.filters.http.jwt_authn"  # Envoy's own: the claims of valid tokens, and why others are not
EXT_AUTH_NAMESPACE = "envoy.filters.http.ext_authz"  # Envoy's own: headers of an authorization service's answer
ASKED_NAMESPACE = "io.envoy.ai_gateway.asked"  # the authorization services that let a request pass
CLIENT_NAMESPACES = (TOKENS_NAMESPACE, EXT_AUTH_NAMESPACE, ASKED_NAMESPACE)
ADDRESS_HEADER = "x-aigw-address"  # the client's address, if the next name is in ASKED_NAMESPACE: then Envoy has set it
ADDRESS_MARK = "address"
ATTEMPT_ATTRIBUTE = "request.host"
"""The attribute that Envoy sends of an attempt: the host of the backend that it has chosen."""
MAX_MODEL_LENGTH = 2048
"""Bedrock's limit: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, modelId."""
MAX_DROPPED_LENGTH = 2048
"""Characters of `x-aigw-dropped-params`; some clients accept 8 kB for all headers together."""

# Besides ASCII's, controls that would change how a line of a log is shown: C1, line separators, bidirectional marks.
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_MODEL = re.compile(rf"[^{_CONTROLS}]{{1,{MAX_MODEL_LENGTH}}}")


def check_model(model: str) -> None:
    """Refuse a name that cannot be a model's, nor the value of `x-ai-eg-model`.

    Raises:
        InvalidRequest: it is empty, too long, or contains control characters.
    """
    if _MODEL.fullmatch(model) is None:
        raise InvalidRequest.at(
            "model", f"expected 1 to {MAX_MODEL_LENGTH} characters, none of them a control character"
        )


def dropped_names(names: Sequence[str]) -> str:
    """Return a header value of field names: percent-encoded where needed, cut at MAX_DROPPED_LENGTH."""
    # Of the rest nothing would be shown: a request can have many thousands of them.
    shown = (name[: MAX_DROPPED_LENGTH + 1] for name in names[: MAX_DROPPED_LENGTH // 2])
    value = ", ".join(quote(name, safe=".[]:-_") for name in shown)
    return value if len(value) <= MAX_DROPPED_LENGTH else value[: MAX_DROPPED_LENGTH - len("...")] + "..."
