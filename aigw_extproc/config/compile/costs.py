"""Compilation of costs: `llmRequestCosts` of routes, and those of the gateway."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aigw_extproc.config.compile.mutations import check_unique
from aigw_extproc.config.costs import COUNTS, TEXTS, Expression, InvalidExpression, NoValue, RequestCost
from aigw_extproc.config.resources.ai_gateway import RequestCostSpec
from aigw_extproc.config.resources.catalog import Catalog, Item
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import Gateway, GatewayConfig

CONFIG_ANNOTATION: Final = "aigateway.envoyproxy.io/gateway-config"
"""Of a Gateway: the name of its GatewayConfig."""
RESERVED: Final = frozenset(
    {
        *("ai_service_backend_name", "backend_name", "client", "content_length", "cost_microdollars"),
        *("model_name_override", "response_model", "route_name", "token_latency_itl", "token_latency_ttft"),
    }
)
"""Keys that the gateway writes itself, as all that begin with `usage_`."""
_ZEROS: Final = dict.fromkeys(COUNTS, 0) | dict.fromkeys(TEXTS, "")


def compile_costs(specs: Iterable[RequestCostSpec], place: Place) -> tuple[RequestCost, ...]:
    """Return the costs of one list, and record problems at its place."""
    specs = tuple(specs)
    check_unique((spec.metadata_key for spec in specs), place, "metadataKey")
    costs = (_cost(spec, place.item(index)) for index, spec in enumerate(specs))
    return tuple(cost for cost in costs if cost is not None)


def compile_global_costs(catalog: Catalog) -> tuple[RequestCost, ...]:
    """Return the costs of the gateway, which routes can override by key."""
    chosen = [config for item in catalog.all(Gateway) if (config := _config(item, catalog)) is not None]
    for item in catalog.all(GatewayConfig):
        costs = item.resource.spec.global_llm_request_costs
        place = item.place.field("spec.globalLLMRequestCosts")
        if not any(each.key == item.key for each in chosen) and costs:
            place.ignore(f"no Gateway names this GatewayConfig in its annotation {CONFIG_ANNOTATION}")
    if not chosen:
        return ()
    spec, place = chosen[0].resource.spec, chosen[0].place.field("spec.globalLLMRequestCosts")
    return compile_costs(spec.global_llm_request_costs, place)


def merged(costs: Iterable[RequestCost], general: Iterable[RequestCost]) -> tuple[RequestCost, ...]:
    """Return a route's costs, and the gateway's under other keys."""
    return tuple({cost.key: cost for cost in (*general, *costs)}.values())


def _config(item: Item[Gateway], catalog: Catalog) -> Item[GatewayConfig] | None:
    name = (item.resource.metadata.annotations or {}).get(CONFIG_ANNOTATION)
    if name is None:
        return None
    place = item.place.field("metadata.annotations").field(CONFIG_ANNOTATION)
    return catalog.find(GatewayConfig, (item.namespace, str(name)), place)


def _cost(spec: RequestCostSpec, place: Place) -> RequestCost | None:
    if spec.metadata_key in RESERVED or spec.metadata_key.startswith("usage_"):
        place.field("metadataKey").problem(
            f"{place.show(spec.metadata_key)} is a key of the gateway's own; choose another"
        )
    if spec.type != "CEL":
        if spec.cel is not None:
            place.field("cel").ignore("used with the type CEL only")
        return RequestCost(key=spec.metadata_key, type=spec.type)
    if not spec.cel:
        place.field("cel").problem("required for the type CEL, but missing")
        return None
    expression = check_expression(spec.cel, place.field("cel"))
    return RequestCost(key=spec.metadata_key, type=spec.type, expression=expression) if expression else None


def check_expression(text: str, place: Place) -> Expression | None:
    """Return a compiled expression; None if it is not a cost, which is a problem at `place`."""
    try:
        expression = Expression(text)
        expression.value(_ZEROS)
    except InvalidExpression as fault:
        place.problem(f"{place.show(text)} is not a cost in CEL: {fault}")
        return None
    except NoValue as fault:
        place.problem(f"{place.show(text)} has no value where all counts are 0: {fault}")
        return None
    return expression
