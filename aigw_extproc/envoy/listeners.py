"""The listener for clients."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.http.early_header_mutation.header_mutation import v3 as early
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.envoy.access_log import stdout_access_log
from aigw_extproc.envoy.addresses import envoy_address
from aigw_extproc.envoy.filters import http_filters
from aigw_extproc.envoy.local_replies import local_reply_config
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.request_ids import removed, unaltered, without_clients_own
from aigw_extproc.envoy.routes import routes_for
from aigw_extproc.envoy.tracing import tracing
from aigw_extproc.exchange.names import INTERNAL_PREFIX

STAT_PREFIX = "aigw"
"""The prefix of the listener's statistics, `http.aigw.…`."""

REQUEST_HEADERS_TIMEOUT = timedelta(seconds=30)
UNTRUSTED = (
    INTERNAL_PREFIX,  # set by the processor only
    "x-envoy-",  # control Envoy's retries and timeouts
)
"""Prefixes of request headers that a client cannot set."""


def gateway_listener(snapshot: Snapshot, options: Options) -> listener.Listener:
    """Return the listener, for HTTP/1.1 and HTTP/2. Bodies above the limit are refused (413)."""
    buffer_limit = snapshot.buffer_limit
    chain = listener.FilterChain(filters=[_connection_manager(snapshot, options)])
    return listener.Listener(
        name="aigw",
        address=envoy_address(options.listen),
        per_connection_buffer_limit_bytes=buffer_limit,
        filter_chains=[chain],
    )


def _connection_manager(snapshot: Snapshot, options: Options) -> listener.Filter:
    """Use idle timeouts only: `request_timeout` would end long uploads, a route timeout long answers."""
    manager = hcm.HttpConnectionManager(
        stat_prefix=STAT_PREFIX,
        codec_type=hcm.HttpConnectionManagerCodecType.AUTO,
        **routes_for(snapshot, options),
        http_filters=http_filters(snapshot, options),
        access_log=[stdout_access_log()] if options.access_log else [],
        local_reply_config=local_reply_config(buffer_limit=snapshot.buffer_limit),
        tracing=tracing(options),
        early_header_mutation_extensions=[_remove_untrusted_headers(snapshot)],
        use_remote_address=True,
        xff_num_trusted_hops=snapshot.trusted_hops,
        skip_xff_append=True,  # upstreams do not need the client's address
        generate_request_id=True,
        preserve_external_request_id=snapshot.trust_request_id,
        request_id_extension=unaltered() if snapshot.trust_request_id else None,
        always_set_request_id_in_response=True,
        server_header_transformation=hcm.HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH,
        stream_idle_timeout=options.idle_timeout,
        request_headers_timeout=REQUEST_HEADERS_TIMEOUT,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action=hcm.HttpConnectionManagerPathWithEscapedSlashesAction.KEEP_UNCHANGED,
    )
    return listener.Filter(name="envoy.filters.network.http_connection_manager", typed_config=Any.pack(manager))


def _remove_untrusted_headers(snapshot: Snapshot) -> core.TypedExtensionConfig:
    """Remove headers that clients cannot set before any filter sees the request."""
    mutations = [removed(prefix=prefix) for prefix in UNTRUSTED]
    if not snapshot.trust_request_id:
        mutations += without_clients_own()
    return core.TypedExtensionConfig(
        name="envoy.http.early_header_mutation.header_mutation",
        typed_config=Any.pack(early.HeaderMutation(mutations=mutations)),
    )
