"""Run a Deployment's pods on this machine: volumes as folders, containers as processes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from aigw_extproc.envoy.binary import find_envoy

Manifest = dict[str, Any]


def one(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """Return the only manifest of this kind whose name ends with `name`."""
    (manifest,) = (each for each in manifests if each["kind"] == kind and each["metadata"]["name"].endswith(name))
    return manifest


def pod_specs(manifests: list[Manifest]) -> list[Manifest]:
    """Return the specs of all pods, including those of tests."""
    templates = [each["spec"]["template"]["spec"] for each in manifests if each["kind"] in {"Deployment", "Job"}]
    return templates + [each["spec"] for each in manifests if each["kind"] == "Pod"]


def containers(spec: Manifest) -> dict[str, Manifest]:
    """Return the containers by name, in the order in which they start."""
    return {each["name"]: each for each in (*spec.get("initContainers", ()), *spec["containers"])}


def mount(spec: Manifest, manifests: list[Manifest], folder: Path) -> None:
    """Create the mounted folders of the containers below `folder`, with the content from the manifests."""
    for container in containers(spec).values():
        for mounted in container["volumeMounts"]:
            (volume,) = (each for each in spec["volumes"] if each["name"] == mounted["name"])
            place = here(mounted["mountPath"], folder)
            place.mkdir(parents=True, exist_ok=True)
            for key, text in content(volume, manifests).items():
                (place / key).write_text(text)


def content(volume: Manifest, manifests: list[Manifest]) -> dict[str, str]:
    """Return the files of a volume of a ConfigMap or a Secret among the manifests."""
    if "configMap" in volume:
        return dict(one(manifests, "ConfigMap", volume["configMap"]["name"])["data"])
    if "secret" in volume:
        return dict(one(manifests, "Secret", volume["secret"]["secretName"])["stringData"])
    return {}


def here(path: str, folder: Path) -> Path:
    return folder / path.removeprefix("/")


def command(container: Manifest, folder: Path) -> list[str]:
    """Return the container's command for this machine, with paths below `folder`."""
    words = [*container.get("command", ["aigw-extproc"]), *container.get("args", [])]
    program = {"aigw-extproc": [sys.executable, "-m", "aigw_extproc"], "envoy": [str(find_envoy())]}
    return [*program[words[0]], *(_localised(word, folder) for word in words[1:])]


def _localised(word: str, folder: Path) -> str:
    for mounted in ("/etc/aigw", "/etc/envoy", "/run/aigw", "/run/published"):
        word = word.replace(mounted, str(here(mounted, folder)))
    return word
