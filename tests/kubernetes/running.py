"""A cluster for tests: a fake API in a thread, or the real one of AIGW_KUBE_APISERVER; and kubectl, in short."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aigw_extproc import asgi
from tests.envoy_config.running import wait_for
from tests.kubernetes.fake_api import KINDS, TOKEN, FakeApi, Value, application

VARIABLE = "AIGW_KUBE_APISERVER"
"""The kubeconfig of a real kube-apiserver, in which our CRDs, the Gateway API's and Envoy Gateway's are installed."""
PLURALS = {kind: address for address, (kind, _) in KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """An API, with a namespace for one test."""

    kubeconfig: Path
    namespace: str
    client: httpx.Client
    fake: FakeApi | None
    loop: asyncio.AbstractEventLoop | None

    @property
    def faults(self) -> FakeApi:
        """The fake API; a test of faults is skipped on a real one."""
        if self.fake is None:
            pytest.skip(f"{VARIABLE} is set: this test needs the faults of the fake API")
        return self.fake

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the fake API's event loop."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def apply(self, *documents: Value) -> None:
        """As `kubectl apply`: create resources, or change those that exist. Their namespace is the test's."""
        for document in documents:
            path, name = self.path(document), document["metadata"]["name"]
            body = {**document, "metadata": {**document["metadata"], "namespace": self.namespace}}
            answer = self.client.post(path, json=body)
            if answer.status_code == 409:
                old = self.client.get(f"{path}/{name}").raise_for_status().json()
                body["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
                answer = self.client.put(f"{path}/{name}", json=body)
            assert answer.is_success, answer.text

    def delete(self, document: Value) -> None:
        self.client.delete(f"{self.path(document)}/{document['metadata']['name']}").raise_for_status()

    def get(self, kind: str, name: str) -> Value:
        """One resource, in the version that is read first."""
        group, plural = PLURALS[kind]
        version = KINDS[group, plural][1][0]
        document = {"apiVersion": f"{group}/{version}".lstrip("/"), "kind": kind}
        answer = self.client.get(f"{self.path(document)}/{name}").raise_for_status()
        found: Value = answer.json()
        return found

    def events(self) -> list[Value]:
        """Every Event of the namespace."""
        path = self.path({"apiVersion": "v1", "kind": "Event"})
        found: list[Value] = self.client.get(path).raise_for_status().json()["items"]
        return found

    def path(self, document: Value) -> str:
        """The path of a resource's collection."""
        version = document["apiVersion"]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{prefix}/namespaces/{self.namespace}/{PLURALS[document['kind']][1]}"

    def conditions(self, kind: str, name: str) -> dict[str, tuple[str, str, str]]:
        """Status, reason and message of each condition."""
        status = self.get(kind, name).get("status", {})
        found = status.get("conditions")
        if found is None:
            ancestors = [*status.get("ancestors", ()), *status.get("parents", ())]
            found = [each for ancestor in ancestors for each in ancestor["conditions"]]
        return {each["type"]: (each["status"], each["reason"], each["message"]) for each in found}

    def until(self, kind: str, name: str, condition: str, status: str, seconds: float = 15) -> tuple[str, str]:
        """Wait for a condition, and return its reason and message."""

        def found() -> tuple[str, str] | None:
            actual, reason, message = self.conditions(kind, name).get(condition, ("", "", ""))
            return (reason, message) if actual == status else None

        return wait_for(found, what=f"{kind} {name} to be {condition}={status}", seconds=seconds)


@contextlib.contextmanager
def running_fake(fake: FakeApi) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Serve a fake API in a thread; yield its URL and event loop."""
    listener = asgi.bind("127.0.0.1", 0)
    loop: Future[asyncio.AbstractEventLoop] = Future()
    stop: Future[asyncio.Task[None]] = Future()

    async def main() -> None:
        server = asgi.EmbeddedServer(application(fake), on_ready=lambda: loop.set_result(asyncio.get_running_loop()))
        serving = asyncio.ensure_future(server.serve_until_cancelled(listener))
        stop.set_result(serving)
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="fake-api", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", loop.result(10)
    finally:
        running = loop.result(10)
        asyncio.run_coroutine_threadsafe(fake.drop_watches(), running).result(10)
        running.call_soon_threadsafe(stop.result(10).cancel)
        thread.join(10)


@contextlib.contextmanager
def running_cluster(folder: Path, fake: FakeApi | None = None) -> Iterator[Cluster]:
    """A cluster for one test, whose namespace has nothing in it."""
    real = os.environ.get(VARIABLE)
    if real and fake is None:
        namespace = f"aigw-{uuid.uuid4().hex[:8]}"
        with _real_client(Path(real)) as client:
            client.post("/api/v1/namespaces", json=_namespace(namespace)).raise_for_status()
            yield Cluster(kubeconfig=Path(real), namespace=namespace, client=client, fake=None, loop=None)
            client.delete(f"/api/v1/namespaces/{namespace}")
        return
    fake = fake or FakeApi()
    with running_fake(fake) as (url, loop):
        headers = {"authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=url, headers=headers, timeout=20) as client:
            kubeconfig = folder / "kubeconfig"
            kubeconfig.write_text(json.dumps(_kubeconfig(url)))
            yield Cluster(kubeconfig=kubeconfig, namespace="default", client=client, fake=fake, loop=loop)


def _namespace(name: str) -> Value:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _kubeconfig(url: str) -> Value:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "tests", "user": {"token": TOKEN}}],
        "contexts": [{"name": "tests", "context": {"cluster": "fake", "user": "tests"}}],
        "current-context": "tests",
    }


def _real_client(kubeconfig: Path) -> httpx.Client:
    """A client of a real API, by the current context of a kubeconfig with a token or certificate in files."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = next(each["context"] for each in config["contexts"] if each["name"] == config["current-context"])
    cluster = next(each["cluster"] for each in config["clusters"] if each["name"] == context["cluster"])
    user = next(each["user"] for each in config["users"] if each["name"] == context["user"])
    verify = cluster.get("certificate-authority", not cluster.get("insecure-skip-tls-verify", False))
    headers = {"authorization": f"Bearer {user['token']}"} if "token" in user else {}
    certificate = (user["client-certificate"], user["client-key"]) if "client-certificate" in user else None
    return httpx.Client(base_url=cluster["server"], headers=headers, verify=verify, cert=certificate, timeout=20)
