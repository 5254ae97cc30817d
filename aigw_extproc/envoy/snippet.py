"""The parts of the configuration to paste into that of an existing Envoy."""

from __future__ import annotations

from aigw_extproc.config.snapshot import Address, Snapshot, Tls, Upstream
from aigw_extproc.envoy.access_log import stdout_access_log
from aigw_extproc.envoy.attempts import attempts_listener, internal_listeners
from aigw_extproc.envoy.clients import client_filters, per_route
from aigw_extproc.envoy.clusters import processor_cluster, upstream_cluster
from aigw_extproc.envoy.filters import path_filter, processor_filter
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import all_clusters, to_yaml
from aigw_extproc.envoy.routes import routes_to_backends

BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"
EXAMPLE = Upstream(
    cluster="default/bedrock",
    host=BEDROCK,
    addresses=(Address(host=BEDROCK, port=443),),
    tls=Tls(server_name=BEDROCK),
)
"""The upstream of a snippet without a configuration."""


def snippet(snapshot: Snapshot | None, options: Options) -> str:
    """Return the filter, a route that uses it, the processor's cluster and one cluster per upstream, as YAML.

    Without a snapshot, the upstream is Bedrock in us-east-1, in the cluster `default/bedrock`.
    """
    known = snapshot or Snapshot(rules=())
    limit = known.buffer_limit
    example = [upstream_cluster(EXAMPLE, options, buffer_limit=limit)]
    upstreams = all_clusters(snapshot, options) if snapshot else example
    clusters = [processor_cluster(options, buffer_limit=limit), *upstreams]
    filters = [path_filter(), *client_filters(known, changing=False), processor_filter(options)]
    routes = routes_to_backends(known)
    for route in routes:
        route.request_body_buffer_limit = limit  # the listener keeps its own limit
        route.typed_per_filter_config |= per_route(known)  # not of the virtual host, which has other routes
    return "\n".join(
        (
            "# 1. In http_filters of the HTTP connection manager, before the router. The processor's does nothing\n"
            "#    until a route enables it.\n" + to_yaml(filters),
            "# 2. In routes of a virtual host; narrow the prefixes to the paths of this gateway. The\n"
            "#    processor names the cluster, `namespace/name` of the Backend resource, in x-ai-eg-backend.\n"
            + to_yaml(routes),
            "# 3. In clusters: the processor and the upstreams.\n" + to_yaml(clusters),
            "# 4. In access_log of the connection manager, for a log that names model, client and outcome.\n"
            + to_yaml([stdout_access_log()]),
            *(_of_attempts(known, options) if known.failovers else ()),
        )
    )


def _of_attempts(snapshot: Snapshot, options: Options) -> tuple[str, str]:
    """Return what rules with failover need besides."""
    return (
        "# 5. In listeners: where the attempts of rules with failover arrive. Only this Envoy can connect to it.\n"
        + to_yaml([attempts_listener(snapshot, options)]),
        "# 6. In bootstrap_extensions: what lets Envoy connect to itself.\n" + to_yaml([internal_listeners()]),
    )
