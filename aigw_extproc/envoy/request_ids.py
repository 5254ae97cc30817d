"""The id of a request: Envoy's own, or its client's where that is trusted.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-request-id
"""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation_rules
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.request_id.uuid import v3 as uuid
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

CLIENT_REQUEST_ID_HEADER: Final = "x-aigw-client-request-id"
"""The `x-request-id` of a client that is not trusted with it. The processor removes the header."""
_REQUEST_ID: Final = "x-request-id"


def without_clients_own() -> list[mutation_rules.HeaderMutation]:
    """Return the changes of a request's headers that keep the client's `x-request-id` for the log only."""
    renamed = core.HeaderValueOption(
        header=core.HeaderValue(key=CLIENT_REQUEST_ID_HEADER, value=f"%REQ({_REQUEST_ID})%"),
        append_action=core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    )
    return [removed(CLIENT_REQUEST_ID_HEADER), mutation_rules.HeaderMutation(append=renamed), removed(_REQUEST_ID)]


def removed(name: str = "", *, prefix: str = "") -> mutation_rules.HeaderMutation:
    """Return the removal of a header, or of all with a prefix."""
    key = matcher.StringMatcher(prefix=prefix) if prefix else matcher.StringMatcher(exact=name)
    return mutation_rules.HeaderMutation(remove_on_match=mutation_rules.HeaderMutationRemoveOnMatch(key_matcher=key))


def unaltered() -> hcm.RequestIdExtension:
    """Return the extension that makes ids where there are none, and does not write into those of clients."""
    config = uuid.UuidRequestIdConfig(pack_trace_reason=False, use_request_id_for_trace_sampling=False)
    return hcm.RequestIdExtension(typed_config=Any.pack(config))
