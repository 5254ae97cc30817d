"""The overload manager: limits of client connections and of memory.

https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/overload_manager/overload_manager
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from betterproto2 import Message
from envoy_data_plane.envoy.config.overload import v3 as overload
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections import v3 as connections
from envoy_data_plane.envoy.extensions.resource_monitors.fixed_heap import v3 as fixed_heap
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.envoy.options import Options

HEAP_SHARE: Final = 0.8
"""The share of Envoy's memory that its heap may use; the rest is for code, stacks and the time until it reacts."""
_HEAP: Final = "envoy.resource_monitors.fixed_heap"
_REFRESH: Final = timedelta(milliseconds=100)  # a client can send 10 MB in this time at 1 Gbit/s
_TRACKED: Final = 20  # streams that hold 2**20 bytes or more are candidates for a reset


def overload_manager(options: Options) -> overload.OverloadManager:
    """Limit client connections to `max_streams`, and the heap to a share of `memory_limit`.

    With HTTP/1.1 each stream has its own connection. Near the limit of the heap Envoy returns memory, then refuses new
    requests (503), then resets the streams that hold the most.
    """
    limit = connections.DownstreamConnectionsConfig(max_active_downstream_connections=options.max_streams)
    monitors = [_monitor("envoy.resource_monitors.global_downstream_max_connections", limit)]
    if options.memory_limit is None:
        return overload.OverloadManager(resource_monitors=monitors)
    heap = fixed_heap.FixedHeapConfig(max_heap_size_bytes=int(options.memory_limit * HEAP_SHARE))
    return overload.OverloadManager(
        refresh_interval=_REFRESH,
        resource_monitors=[*monitors, _monitor(_HEAP, heap)],
        actions=[
            _action("shrink_heap", overload.Trigger(name=_HEAP, threshold=overload.ThresholdTrigger(value=0.75))),
            _action(
                "stop_accepting_requests",
                overload.Trigger(name=_HEAP, threshold=overload.ThresholdTrigger(value=0.85)),
            ),
            _action(
                "reset_high_memory_stream",
                overload.Trigger(
                    name=_HEAP, scaled=overload.ScaledTrigger(scaling_threshold=0.9, saturation_threshold=1.0)
                ),
            ),
        ],
        buffer_factory_config=overload.BufferFactoryConfig(minimum_account_to_track_power_of_two=_TRACKED),
    )


def _monitor(name: str, config: Message) -> overload.ResourceMonitor:
    return overload.ResourceMonitor(name=name, typed_config=Any.pack(config))


def _action(name: str, trigger: overload.Trigger) -> overload.OverloadAction:
    return overload.OverloadAction(name=f"envoy.overload_actions.{name}", triggers=[trigger])
