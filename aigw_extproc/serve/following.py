"""The process of a gateway that reads the Kubernetes API, for itself and for all the others."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aigw_extproc.kubernetes import published
from aigw_extproc.kubernetes.options import KubernetesOptions, NoCluster
from aigw_extproc.serve.contexts import background

if TYPE_CHECKING:
    from aigw_extproc.kubernetes.follow import Follower

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, for this user only


@contextmanager
def publishing_folder(chosen: Path | None) -> Iterator[Path]:
    """Yield the file to publish in: in the chosen folder, or in one of this process's own, in memory where possible.

    Raises:
        OSError: the folder cannot be created.
    """
    if chosen is not None:
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield chosen / published.FILE
        return
    with tempfile.TemporaryDirectory(prefix="aigw-cluster-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield Path(folder) / published.FILE


@asynccontextmanager
async def following(options: KubernetesOptions, file: Path) -> AsyncIterator[Follower]:
    """Follow what a Gateway serves during the block, and publish it in `file`.

    Raises:
        NoCluster: there is no usable kubeconfig, and this is no pod.
    """
    try:
        from aigw_extproc.kubernetes.client import Api
        from aigw_extproc.kubernetes.follow import Follower
        from aigw_extproc.kubernetes.writing import Writer
    except ImportError as error:
        raise NoCluster(f"install aigw-extproc[kubernetes]: {error}") from None
    api = Api(options.access)
    follower = Follower(options, api, file)
    writer = Writer(api, follower.store, options)
    follower.on_scope = writer.offer
    try:
        async with background(writer.run()), background(follower.run()):
            yield follower
    finally:
        await api.close()
