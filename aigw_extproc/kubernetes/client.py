"""HTTP to the Kubernetes API: lists, watches, and changes of single resources.

lightkube reads the kubeconfig or the pod's service account, and renews its token. Its own watch has no time limit, so
that one which hangs is never noticed, and it decodes into classes; lists and watches are therefore ours.
https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from aigw_extproc.kubernetes.kinds import Kind
from aigw_extproc.kubernetes.options import Access, NoCluster
from aigw_extproc.kubernetes.store import Json, Selection

PAGE: Final = 500
"""Resources in one answer to a list."""
REQUEST_SECONDS: Final = 20.0
WATCH_SECONDS: Final = 3600
"""After which the API ends a watch, which then goes on with another request."""
SILENCE_SECONDS: Final = 100.0
"""After which a watch without events is taken for dead: the API sends a bookmark every minute."""

_NOT_FOUND: Final = 404
_JSON: Final = {"accept": "application/json"}
_MERGE: Final = {"content-type": "application/merge-patch+json"}


class Refused(Exception):
    """The API answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Unreachable(Exception):
    """The API did not answer, or its answer broke off."""


class Api:
    """A client of the API. A watch is silent between events: `silence` is how long before it is taken for dead."""

    def __init__(self, access: Access, silence: float = SILENCE_SECONDS) -> None:
        """Read the kubeconfig or the service account.

        Raises:
            NoCluster: neither can be used.
        """
        parameters = ConnectionParams(timeout=httpx2.Timeout(REQUEST_SECONDS, connect=5))
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=4)  # each watch is a connection
        try:
            self._http = httpx2.AsyncClient(**parameters.httpx_params(_config(access)), limits=limits)
        except (ConfigError, OSError, KeyError, ValueError) as error:
            raise NoCluster(f"the Kubernetes API cannot be used: {error}") from None
        self._watching = httpx2.Timeout(REQUEST_SECONDS, read=silence)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def list_all(self, selection: Selection, version: str) -> tuple[list[Json], str]:
        """Return all resources of a selection, and the resource version to watch from.

        Raises:
            Refused: with an error status; 404 if the API does not have this version of the kind.
            Unreachable: no answer.
        """
        items: list[Json] = []
        query = {"limit": str(PAGE), **_one(selection)}
        while True:
            path = selection.kind.path(version, selection.namespace)
            answer = await self.ask("GET", path, query=query)
            items += answer.get("items") or ()
            metadata = answer.get("metadata") or {}
            if not metadata.get("continue"):
                return items, str(metadata.get("resourceVersion", ""))
            query = {**query, "continue": metadata["continue"]}

    async def watch(self, selection: Selection, version: str, since: str) -> AsyncIterator[tuple[str, Json]]:
        """Yield the type and object of each event after a resource version, until the API ends the watch.

        Raises:
            Refused: with an error status, or an event that is one; 410 if the resource version is too old.
            Unreachable: no connection, it broke off, or nothing was heard for too long.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(WATCH_SECONDS),
            **_one(selection),
        }
        path = selection.kind.path(version, selection.namespace)
        try:
            async with self._http.stream("GET", path, params=query, timeout=self._watching) as response:
                if response.is_error:
                    raise _refused(response.status_code, await response.aread())
                async for line in response.aiter_lines():
                    yield _event(line)
        except httpx2.HTTPError as error:
            raise Unreachable(f"{type(error).__name__} {error}".strip()) from None

    async def other_versions(self, kind: Kind) -> list[str]:
        """Return the versions of a kind that the API has, and that are not known here.

        Raises:
            Refused, Unreachable: the API does not say.
        """
        try:
            group = await self.ask("GET", f"/apis/{kind.group}")
        except Refused as refusal:
            if refusal.status == _NOT_FOUND:
                return []
            raise
        found: list[str] = []
        for version in (each["version"] for each in group.get("versions") or ()):
            if version not in kind.versions:
                resources = (await self.ask("GET", f"/apis/{kind.group}/{version}")).get("resources") or ()
                found += [version] if kind.plural in (each["name"] for each in resources) else []
        return found

    async def ask(
        self, method: str, path: str, *, body: Json | None = None, query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Send one request, and return the answer's body. The body of a PATCH is a merge patch.

        Raises:
            Refused: with an error status.
            Unreachable: no answer.
        """
        headers = _JSON | (_MERGE if method == "PATCH" else {"content-type": "application/json"})
        content = json.dumps(body).encode() if body is not None else None
        try:
            response = await self._http.request(method, path, params=query, content=content, headers=headers)
        except (httpx2.HTTPError, ConfigError, OSError) as error:
            raise Unreachable(f"{type(error).__name__} {error}".strip()) from None
        if response.is_error:
            raise _refused(response.status_code, response.content)
        return _object(response.content)


def _one(selection: Selection) -> dict[str, str]:
    # With this selector a Role that names the resource (`resourceNames`) allows lists and watches of it.
    return {} if selection.name is None else {"fieldSelector": f"metadata.name={selection.name}"}


def _config(access: Access) -> SingleConfig:
    if access.kubeconfig is not None:
        config = KubeConfig.from_file(access.kubeconfig)
    elif access.context is not None:
        config = KubeConfig.from_file(os.environ.get("KUBECONFIG", DEFAULT_KUBECONFIG))
    else:
        config = KubeConfig.from_env()
    found = config.get(access.context)
    if found is None or found.user is None:
        raise ConfigError("the kubeconfig's context names no user")
    return found


def _event(line: str) -> tuple[str, Json]:
    event = _object(line)
    kind, value = event.get("type"), event.get("object")
    if not isinstance(kind, str) or not isinstance(value, dict):
        raise Unreachable("an event of the watch is malformed")
    if kind == "ERROR":
        raise Refused(int(value.get("code") or 500), str(value.get("message")))
    return kind, value


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unreachable("the answer is not JSON")
    return value


def _refused(status: int, content: bytes) -> Refused:
    """Return the error of a response, whose body is a Status with a message; the body of a proxy is not shown."""
    try:
        message = json.loads(content)["message"]
    except (ValueError, KeyError, TypeError):
        message = "no Status in the answer"
    return Refused(status, str(message))
