"""A Kubernetes API in a process: what our client relies on, and nothing that it does not.

`test_contract.py` says what that is; it also runs on a real kube-apiserver.
https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import time
import uuid
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TOKEN = "the-fake-clusters-token"
GATEWAY_API, ENVOY_GATEWAY, AI_GATEWAY = (
    "gateway.networking.k8s.io",
    "gateway.envoyproxy.io",
    "aigateway.envoyproxy.io",
)
CUSTOM = {
    (GATEWAY_API, "gateways"): ("Gateway", ("v1", "v1beta1")),
    (GATEWAY_API, "referencegrants"): ("ReferenceGrant", ("v1beta1",)),
    (GATEWAY_API, "backendtlspolicies"): ("BackendTLSPolicy", ("v1", "v1alpha3")),
    (AI_GATEWAY, "aigatewayroutes"): ("AIGatewayRoute", ("v1beta1", "v1alpha1")),
    (AI_GATEWAY, "aiservicebackends"): ("AIServiceBackend", ("v1beta1", "v1alpha1")),
    (AI_GATEWAY, "backendsecuritypolicies"): ("BackendSecurityPolicy", ("v1beta1", "v1alpha1")),
    (AI_GATEWAY, "gatewayconfigs"): ("GatewayConfig", ("v1beta1", "v1alpha1")),
    (ENVOY_GATEWAY, "backends"): ("Backend", ("v1alpha1",)),
    (ENVOY_GATEWAY, "backendtrafficpolicies"): ("BackendTrafficPolicy", ("v1alpha1",)),
    (ENVOY_GATEWAY, "clienttrafficpolicies"): ("ClientTrafficPolicy", ("v1alpha1",)),
    (ENVOY_GATEWAY, "securitypolicies"): ("SecurityPolicy", ("v1alpha1",)),
}
"""Kinds with a generation and a status of their own."""
BUILT_IN = {
    ("", "secrets"): ("Secret", ("v1",)),
    ("", "configmaps"): ("ConfigMap", ("v1",)),
    ("", "services"): ("Service", ("v1",)),
    ("", "events"): ("Event", ("v1",)),
    ("coordination.k8s.io", "leases"): ("Lease", ("v1",)),
}
KINDS = CUSTOM | BUILT_IN
Value = dict[str, Any]
Address = tuple[str, str]
"""The group and plural of a kind."""


class Failure(Exception):
    """An answer with a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
        }


@dataclass
class FakeApi:
    """The state of the API, and what a test can do to it."""

    bookmark_seconds: float = 60.0
    revision: int = 100
    objects: dict[tuple[Address, str, str], Value] = field(default_factory=dict)
    history: list[tuple[int, str, Address, Value]] = field(default_factory=list)
    compacted: int = 0
    """Watches from before this revision are told so."""
    journal: list[tuple[str, str]] = field(default_factory=list)
    """Method and target of each request."""
    absent: set[str] = field(default_factory=set)
    """The plurals of kinds that the API does not have."""
    renamed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The plurals of kinds that the API has in other versions."""
    forbidden: set[str] = field(default_factory=set)
    """The plurals of kinds that the token may not read."""
    unwritable: set[str] = field(default_factory=set)
    """The plurals of kinds whose status the token may not write."""
    pruned: set[str] = field(default_factory=set)
    """The plurals of kinds whose schema has no conditions."""
    readonly: bool = False
    """Whether every change fails."""
    hung: bool = False
    """Whether watches send nothing any more."""
    broken: bool = False
    """Whether every request fails."""
    connection: int = 0
    """Raised to end all watches that are open."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    # --- what a test does ---------------------------------------------------------------------------------------

    async def drop_watches(self) -> None:
        self.connection += 1
        await self._tell()

    async def compact(self) -> None:
        """Forget the history, as etcd does."""
        self.history.clear()
        self.compacted = self.revision = self.revision + 1
        await self.drop_watches()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # --- resources ----------------------------------------------------------------------------------------------

    def find(self, address: Address, namespace: str, name: str) -> Value:
        found = self.objects.get((address, namespace, name))
        if found is None:
            raise Failure(404, "NotFound", f'{address[1]} "{name}" not found')
        return found

    async def create(self, address: Address, namespace: str, value: Value) -> Value:
        metadata = value.setdefault("metadata", {})
        if (address, namespace, metadata["name"]) in self.objects:
            raise Failure(409, "AlreadyExists", f'{address[1]} "{metadata["name"]}" already exists')
        metadata |= {
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        if address in CUSTOM:
            metadata["generation"] = 1
            value.pop("status", None)
        return await self._store(address, value, "ADDED")

    async def update(self, address: Address, old: Value, new: Value, *, status: bool) -> Value:
        """Replace a resource, or only its status; nothing happens if nothing differs."""
        expected = new["metadata"].get("resourceVersion")
        if expected not in (None, "", old["metadata"]["resourceVersion"]):
            raise Failure(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        if status:
            result = copy.deepcopy(old)
            result["status"] = {
                name: part
                for name, part in new.get("status", {}).items()
                if name != "conditions" or address[1] not in self.pruned
            }
        else:
            result = copy.deepcopy(new)
            result["metadata"] |= {
                name: old["metadata"][name] for name in ("namespace", "name", "uid", "creationTimestamp")
            }
            result.pop("status", None)
            if "status" in old:
                result["status"] = old["status"]
            if address in CUSTOM:
                same = _spec(old) == _spec(result)
                result["metadata"]["generation"] = old["metadata"]["generation"] + (not same)
        result["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        if result == old:
            return old
        return await self._store(address, result, "MODIFIED")

    async def delete(self, address: Address, namespace: str, name: str) -> None:
        old = copy.deepcopy(self.find(address, namespace, name))
        del self.objects[address, namespace, name]
        await self._record("DELETED", address, old)

    async def _store(self, address: Address, value: Value, event: str) -> Value:
        if address[1] == "secrets" and "stringData" in value:
            plain = value.pop("stringData")
            encoded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
            value["data"] = value.get("data", {}) | encoded
        await self._record(event, address, value)
        self.objects[address, value["metadata"]["namespace"], value["metadata"]["name"]] = value
        return value

    async def _record(self, event: str, address: Address, value: Value) -> None:
        self.revision += 1
        value["metadata"]["resourceVersion"] = str(self.revision)
        self.history.append((self.revision, event, address, copy.deepcopy(value)))
        await self._tell()

    # --- HTTP ---------------------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Response:
        self.journal.append((request.method, f"{request.url.path}?{request.url.query}".rstrip("?")))
        try:
            return await self._answer(request)
        except Failure as failure:
            return JSONResponse(failure.status, status_code=failure.code)

    async def discover(self, request: Request) -> Response:
        """The versions of a group, or the resources of one."""
        group, version = request.path_params["group"], request.path_params.get("version")
        served = [
            (plural, one)
            for (owner, plural), (_, versions) in KINDS.items()
            for one in self.renamed.get(plural, versions)
            if owner == group and plural not in self.absent
        ]
        if version is not None:
            names = [{"name": plural} for plural, one in served if one == version]
            return JSONResponse({"kind": "APIResourceList", "resources": names}, status_code=200 if names else 404)
        found = [{"version": one} for one in sorted({one for _, one in served})]
        return JSONResponse({"kind": "APIGroup", "versions": found}, status_code=200 if found else 404)

    def _admit(self, request: Request) -> tuple[Address, _Served]:
        if self.broken:
            raise Failure(503, "ServiceUnavailable", "the server is currently unable to handle the request")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Failure(401, "Unauthorized", "Unauthorized")
        path = request.path_params
        address = (path.get("group", ""), path["plural"])
        kind, versions = KINDS.get(address, ("", ()))
        versions = self.renamed.get(address[1], versions)
        if path["version"] not in versions or address[1] in self.absent:
            raise Failure(404, "NotFound", "the server could not find the requested resource")
        if self.readonly and request.method != "GET":
            raise Failure(500, "InternalError", "etcdserver: request timed out")
        if address[1] in self.unwritable and request.method == "PATCH":
            raise Failure(403, "Forbidden", f'{address[1]} is forbidden: User "tests" cannot patch resource')
        if address[1] in self.forbidden and request.method == "GET":
            raise Failure(403, "Forbidden", f'{address[1]} is forbidden: User "tests" cannot list resource')
        return address, _Served(kind=kind, api_version="/".join(filter(None, (address[0], path["version"]))))

    async def _answer(self, request: Request) -> Response:
        address, served = self._admit(request)
        path = request.path_params
        namespace, name = path["namespace"], path.get("name")
        if name is None:
            return await self._collection(request, address, served, namespace)
        status = path.get("part") == "status"
        if status and (address not in CUSTOM and address[1] != "services"):
            raise Failure(404, "NotFound", "the server could not find the requested resource")
        old = self.find(address, namespace, name)
        match request.method:
            case "GET":
                pass
            case "PUT":
                old = await self.update(address, old, served.read(await request.json()), status=status)
            case "PATCH":
                if request.headers["content-type"] != "application/merge-patch+json":
                    raise Failure(415, "UnsupportedMediaType", "only merge patches are known here")
                merged = _merged(copy.deepcopy(old), await request.json())
                old = await self.update(address, old, merged, status=status)
            case "DELETE":
                await self.delete(address, namespace, name)
        return JSONResponse(served.shown(old))

    async def _collection(self, request: Request, address: Address, served: _Served, namespace: str) -> Response:
        if request.method == "POST":
            value = served.read(await request.json())
            return JSONResponse(served.shown(await self.create(address, namespace, value)), status_code=201)
        query = request.query_params
        name = query.get("fieldSelector", "").removeprefix("metadata.name=")
        wanted = lambda value: value["metadata"]["namespace"] == namespace and name in ("", value["metadata"]["name"])  # noqa: E731
        if query.get("watch") in ("1", "true"):
            events = self._events(address, served, wanted, dict(query))
            return StreamingResponse(events, media_type="application/json")
        return JSONResponse(self._list(address, served, wanted, dict(query)))

    def _list(self, address: Address, served: _Served, wanted: Callable[[Value], bool], query: dict[str, str]) -> Value:
        revision, start = self.revision, 0
        if "continue" in query:
            revision, start = json.loads(base64.b64decode(query["continue"]))
            if revision < self.compacted:
                raise Failure(410, "Expired", "The provided continue parameter is too old")
        found = sorted(
            (value for key, value in self.objects.items() if key[0] == address and wanted(value)),
            key=lambda value: value["metadata"]["name"],
        )
        end = start + int(query.get("limit", len(found) or 1))
        metadata: Value = {"resourceVersion": str(revision)}
        if end < len(found):
            metadata["continue"] = base64.b64encode(json.dumps([revision, end]).encode()).decode()
        items = [{name: part for name, part in value.items() if name != "kind"} for value in found[start:end]]
        for item in items:
            item.pop("apiVersion", None)
        return {"apiVersion": served.api_version, "kind": f"{served.kind}List", "metadata": metadata, "items": items}

    async def _events(
        self, address: Address, served: _Served, wanted: Callable[[Value], bool], query: dict[str, str]
    ) -> AsyncIterator[bytes]:
        since, connection = int(query["resourceVersion"]), self.connection
        ends = time.monotonic() + float(query.get("timeoutSeconds", "1800"))
        if since < self.compacted:
            yield _line("ERROR", Failure(410, "Expired", f"too old resource version: {since}").status)
            return
        while connection == self.connection and not self.broken and time.monotonic() < ends:
            if not self.hung:
                for revision, event, changed, value in self._after(since):
                    since = revision
                    if changed == address and wanted(value):
                        yield _line(event, served.shown(value))
                since = max(since, self.revision)
            try:
                async with asyncio.timeout(min(self.bookmark_seconds, max(0.01, ends - time.monotonic()))):
                    async with self._changed:
                        await self._changed.wait_for(partial(self._stirs, since, connection))
            except TimeoutError:
                if not self.hung and query.get("allowWatchBookmarks") == "true":
                    yield _line("BOOKMARK", served.shown({"metadata": {"resourceVersion": str(since)}}))

    def _after(self, since: int) -> Iterator[tuple[int, str, Address, Value]]:
        return iter(self.history[bisect_right(self.history, since, key=itemgetter(0)) :])

    def _stirs(self, since: int, connection: int) -> bool:
        return connection != self.connection or self.broken or (self.revision > since and not self.hung)


@dataclass(frozen=True)
class _Served:
    """The version in which a client wants a kind."""

    kind: str
    api_version: str

    def read(self, value: Value) -> Value:
        if (value.get("kind"), value.get("apiVersion")) != (self.kind, self.api_version):
            raise Failure(400, "BadRequest", f"expected {self.api_version} {self.kind}")
        return {name: part for name, part in value.items() if name not in ("kind", "apiVersion")}

    def shown(self, value: Value) -> Value:
        return {"apiVersion": self.api_version, "kind": self.kind, **value}


def _spec(value: Value) -> Value:
    return {name: part for name, part in value.items() if name not in ("metadata", "status")}


def _line(event: str, value: Value) -> bytes:
    return json.dumps({"type": event, "object": value}).encode() + b"\n"


def _merged(value: Any, patch: Any) -> Any:
    """Return a value with a merge patch applied: https://www.rfc-editor.org/rfc/rfc7386"""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), part)
    return merged


def application(api: FakeApi) -> Starlette:
    """The application of one API."""
    discovery = [Route(path, api.discover, methods=["GET"]) for path in ("/apis/{group}", "/apis/{group}/{version}")]
    groups = ("/api/{version}", "/apis/{group}/{version}")
    parts = ("", "/{name}", "/{name}/{part}")
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    paths = [f"{group}/namespaces/{{namespace}}/{{plural}}{part}" for group in groups for part in parts]
    return Starlette(routes=[*discovery, *(Route(path, api.answer, methods=methods) for path in paths)])
