"""Requests in one form for all filters: paths without a trailing slash, bodies without compression."""

from __future__ import annotations

from dataclasses import replace

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.compression.gzip.decompressor import v3 as gzip
from envoy_data_plane.envoy.extensions.filters.http.decompressor import v3 as decompressor
from envoy_data_plane.envoy.extensions.filters.http.lua import v3 as lua
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

SLASH_FILTER = "remove trailing slash"
# In one line without double quotes, so that it is readable in YAML.
_REMOVE_SLASH = (
    "function envoy_on_request(handle)"
    " local path, query = handle:headers():get(':path'):match('^([^?]*)(.*)$')"
    " handle:headers():replace(':path', path:gsub('(.)/+$', '%1') .. query) end"
)


def slash_filter() -> hcm.HttpFilter:
    """Return the filter that removes a trailing slash; the route of such paths enables it, so others cost nothing.

    Envoy itself can only merge slashes (`merge_slashes`).
    """
    return hcm.HttpFilter(name=SLASH_FILTER, typed_config=Any.pack(lua.Lua()), disabled=True)


def slash_route(general: route.Route) -> route.Route:
    """Return a route like the general one, for paths with a trailing slash."""
    code = core.DataSource(inline_string=_REMOVE_SLASH)
    filters = {**general.typed_per_filter_config, SLASH_FILTER: Any.pack(lua.LuaPerRoute(source_code=code))}
    match = route.RouteMatch(safe_regex=matcher.RegexMatcher(regex=".+/"))
    return replace(general, match=match, typed_per_filter_config=filters)


def decompressor_filter() -> hcm.HttpFilter:
    """Return the filter that decompresses gzip'd request bodies; responses pass as they are.

    The buffer limit bounds the decompressed body, and Envoy's `max_inflate_ratio` of 100 what small bodies become.
    """
    library = core.TypedExtensionConfig(name="gzip", typed_config=Any.pack(gzip.Gzip()))
    off = core.RuntimeFeatureFlag(default_value=False, runtime_key="aigw.decompress_responses")
    config = decompressor.Decompressor(
        decompressor_library=library,
        request_direction_config=decompressor.DecompressorRequestDirectionConfig(),
        response_direction_config=decompressor.DecompressorResponseDirectionConfig(
            common_config=decompressor.DecompressorCommonDirectionConfig(enabled=off)
        ),
    )
    return hcm.HttpFilter(name="envoy.filters.http.decompressor", typed_config=Any.pack(config))
