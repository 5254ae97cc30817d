"""The HTTP filters of the connection manager."""

from __future__ import annotations

from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation_rules
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.common.set_filter_state import v3 as state
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
from envoy_data_plane.envoy.extensions.filters.http.set_filter_state import v3 as set_filter_state
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.envoy.access_log import CLIENT_REQUEST_ID_STATE, PATH_STATE
from aigw_extproc.envoy.clients import client_filters
from aigw_extproc.envoy.clusters import PROCESSOR_CLUSTER
from aigw_extproc.envoy.normalization import decompressor_filter, slash_filter
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.request_ids import CLIENT_REQUEST_ID_HEADER
from aigw_extproc.envoy.retries import processor_retries
from aigw_extproc.envoy.routes import PROCESSOR_FILTER
from aigw_extproc.exchange.names import ATTEMPT_ATTRIBUTE, CLIENT_NAMESPACES, METADATA_NAMESPACE, OUTCOME_NAMESPACE

_PATH = (PATH_STATE, "%PATH(NQ:PATH)%")  # the query may hold secrets
_CLIENT_ID = (CLIENT_REQUEST_ID_STATE, f"%REQ({CLIENT_REQUEST_ID_HEADER}):128%")


def http_filters(snapshot: Snapshot, options: Options) -> list[hcm.HttpFilter]:
    """Return the filters in order: paths, clients, bodies, processor, router; state for local replies and the log."""
    clients = client_filters(snapshot, changing=options.routes_file is not None)
    state = path_filter() if snapshot.trust_request_id or not options.access_log else _remember(_PATH, _CLIENT_ID)
    return [slash_filter(), state, *clients, decompressor_filter(), processor_filter(options), router_filter()]


def path_filter() -> hcm.HttpFilter:
    """Return the filter that keeps the path for local replies and the log, before the processor rewrites it."""
    return _remember(_PATH)


def attempt_filters(options: Options) -> list[hcm.HttpFilter]:
    """Return the filters of the attempts' listener.

    The answer to a response's headers waits for the body, which is therefore neither buffered nor waited for.
    """
    headers, body = ext_proc.ProcessingModeHeaderSendMode, ext_proc.ProcessingModeBodySendMode
    config = _processor(options)
    config.processing_mode = _processing_mode(body.FULL_DUPLEX_STREAMED, headers.SEND)
    config.request_attributes = [ATTEMPT_ATTRIBUTE]
    return [path_filter(), _disabled(config), router_filter()]


def processor_filter(options: Options) -> hcm.HttpFilter:
    """Return the ext_proc filter: headers and buffered bodies in both directions.

    The answer to the response headers may switch the response body to STREAMED. Without the processor all requests
    fail: `failure_mode_allow` stays false.
    """
    config = _processor(options)
    # Who the client is. An Envoy without such filters sends nothing.
    config.metadata_options = ext_proc.MetadataOptions(
        forwarding_namespaces=ext_proc.MetadataOptionsMetadataNamespaces(untyped=list(CLIENT_NAMESPACES)),
        receiving_namespaces=_written(),
    )
    return _disabled(config)


def _disabled(config: ext_proc.ExternalProcessor) -> hcm.HttpFilter:
    """Return the filter, disabled until a route enables it: other routes do not use it.

    Nor do requests that Envoy cannot parse: Envoy closes their connection before ext_proc could answer, and the client
    would get no reply.
    """
    return hcm.HttpFilter(name=PROCESSOR_FILTER, typed_config=Any.pack(config), disabled=True)


def _processor(options: Options) -> ext_proc.ExternalProcessor:
    return ext_proc.ExternalProcessor(
        stat_prefix=PROCESSOR_CLUSTER,
        grpc_service=core.GrpcService(
            envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=PROCESSOR_CLUSTER, skip_envoy_headers=True),
            retry_policy=processor_retries(),  # the one inside envoy_grpc has no effect on ext_proc
        ),
        message_timeout=options.message_timeout,
        max_message_timeout=options.max_message_timeout,
        allow_mode_override=True,
        processing_mode=_processing_mode(),
        # Lets the processor remove a client's x-envoy-* headers, which must not reach the upstream.
        mutation_rules=mutation_rules.HeaderMutationRules(allow_envoy=True),
        metadata_options=ext_proc.MetadataOptions(receiving_namespaces=_written()),
    )


def _written() -> ext_proc.MetadataOptionsMetadataNamespaces:
    return ext_proc.MetadataOptionsMetadataNamespaces(untyped=[METADATA_NAMESPACE, OUTCOME_NAMESPACE])


def _processing_mode(
    response_body: ext_proc.ProcessingModeBodySendMode = ext_proc.ProcessingModeBodySendMode.BUFFERED,
    response_trailers: ext_proc.ProcessingModeHeaderSendMode = ext_proc.ProcessingModeHeaderSendMode.SKIP,
) -> ext_proc.ProcessingMode:
    headers, body = ext_proc.ProcessingModeHeaderSendMode, ext_proc.ProcessingModeBodySendMode
    return ext_proc.ProcessingMode(
        request_header_mode=headers.SEND,
        request_body_mode=body.BUFFERED,
        request_trailer_mode=headers.SKIP,
        response_header_mode=headers.SEND,
        response_body_mode=response_body,
        response_trailer_mode=response_trailers,
    )


def router_filter() -> hcm.HttpFilter:
    """Return the router, which adds no x-envoy-* headers to upstream requests."""
    return hcm.HttpFilter(
        name="envoy.filters.http.router", typed_config=Any.pack(router.Router(suppress_envoy_headers=True))
    )


def _remember(*states: tuple[str, str]) -> hcm.HttpFilter:
    """Return the filter that sets each filter state, if its format string has a value."""
    names = ", ".join(key for key, _ in states)
    config = set_filter_state.Config(on_request_headers=[_state(key, value) for key, value in states])
    return hcm.HttpFilter(name=f"remember {names}", typed_config=Any.pack(config))


def _state(key: str, value: str) -> state.FilterStateValue:
    return state.FilterStateValue(
        object_key=key,
        factory_key="envoy.string",
        format_string=core.SubstitutionFormatString(
            text_format_source=core.DataSource(inline_string=value),
            omit_empty_values=True,  # else a missing value becomes "-"
        ),
        skip_if_empty=True,
    )
