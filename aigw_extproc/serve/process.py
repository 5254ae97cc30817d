"""`aigw-extproc serve`: the processor, the operator's port and reload, in one process or with several workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from aigw_extproc.config.snapshot import Upstream
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.kubernetes.published import discard_others
from aigw_extproc.serve.contexts import background, stop_signals
from aigw_extproc.serve.live import Live, reload
from aigw_extproc.serve.malloc import keep_freed_memory
from aigw_extproc.serve.options import ServeOptions
from aigw_extproc.serve.shared_folder import (
    PAGE_NAME,
    publish_status,
    read_statuses,
    shared_folder,
    status_file,
    use_reserved_files,
)
from aigw_extproc.serve.workers import supervise_workers
from aigw_extproc.tracing.options import TraceOptions
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

if TYPE_CHECKING:
    from aigw_extproc.page.traffic import Recorder
    from aigw_extproc.tracing.exporter import SpanTracer

log = logging.getLogger(__name__)


async def serve(options: ServeOptions) -> None:
    """Serve until SIGTERM or SIGINT, then drain. When it is ready, it prints a line on standard output.

    Raises:
        ConfigError: the configuration cannot be used.
        OSError: an address cannot be listened on, or a worker not be started.
        ChildFailed: a worker ended by itself before all were ready, or too many did.
    """
    with stop_signals() as stop:
        published = _last_published(options)
        live = Live(options.source.load(), options)
        for warning in live.warnings:
            log.warning(warning)
        if options.workers == 1 and options.kubernetes is None:
            async with _reload_and_admin(options, live):
                await _serve_streams(options, live, stop)
        else:
            with shared_folder() as folder:
                live.credentials = partial(read_statuses, folder)
                if options.shows_page:
                    from aigw_extproc.serve import page_files  # here, as in a worker: it imports what serves requests

                    live.traffic = partial(page_files.read_traffic, folder)
                    live.models = partial(page_files.read_models, folder, live.models)
                async with _following(options, live, published), _reload_and_admin(options, live):
                    await supervise_workers(options, live, folder, stop)


def _last_published(options: ServeOptions) -> bool:
    """Return whether an earlier process has read what this one is to serve, so that it can serve that at once.

    Raises:
        OSError: what it has written cannot be used.
    """
    file = options.source.published
    return options.kubernetes is not None and file is not None and discard_others(file, str(options.kubernetes.gateway))


@asynccontextmanager
async def _following(options: ServeOptions, live: Live, published: bool) -> AsyncIterator[None]:
    """Read the Kubernetes API during the block, if it is the source; workers only get the result."""
    file = options.source.published
    if options.kubernetes is None or file is None:
        yield
        return
    from aigw_extproc.serve.following import following

    async with following(options.kubernetes, file) as follower:
        live.synced = lambda: published or follower.synced
        yield


@asynccontextmanager
async def _reload_and_admin(options: ServeOptions, live: Live) -> AsyncIterator[None]:
    """Reload the configuration and answer on the operator's port during the block."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(background(reload(options, live)))
        if options.admin is not None:
            # Imported here: a worker has no operator's port, and so needs no web server.
            from aigw_extproc.serve.admin import bind, serve_admin

            await stack.enter_async_context(background(serve_admin(bind(options.admin), live, options)))
        yield


async def _serve_streams(options: ServeOptions, live: Live, stop: asyncio.Event) -> None:
    use_reserved_files()
    # Imported here: the process that supervises workers needs neither gRPC nor credentials.
    from aigw_extproc import metrics
    from aigw_extproc.aws.credentials import CredentialCache
    from aigw_extproc.extproc.budget import Budget
    from aigw_extproc.extproc.processor import Processor
    from aigw_extproc.extproc.server import create_server
    from aigw_extproc.ledger.connect import opened
    from aigw_extproc.page.traffic import Recorder
    from aigw_extproc.serve.listening import serve_until
    from aigw_extproc.serve.model_lists import keep_model_lists
    from aigw_extproc.store.connect import connected

    keep_freed_memory()
    metrics.expect(live.router().snapshot)
    live.on_change = metrics.expect
    credentials = CredentialCache()
    live.credentials = credentials.as_details
    budget = Budget(options.body_budget)

    recorder = Recorder() if options.shows_page or options.record_traffic else None
    if recorder is not None:
        live.traffic = lambda: recorder.records

    async with (
        _tracing(options.traces) as tracer,
        connected(options.store) as store,
        opened(options.limits) as allowances,
        background(credentials.keep_fresh(lambda: live.router().snapshot.auths)),
        background(publish_status(status_file(), live.credentials)),
        background(_publish_page(recorder, live)),
        background(keep_model_lists(live.router, credentials.get, live.apply_lists)),
    ):
        processor = Processor(
            live.router,
            credentials.get,
            _fetch_media,
            _call_upstream,
            credentials.reject,
            budget,
            store,
            tracer=tracer,
            trace_upstream=options.trace_upstream,
            allowances=allowances,
            watch=recorder.record if recorder is not None else None,
        )
        create = partial(
            create_server, options.transport, processor, options.listen, grace=options.drain_seconds, tls=options.tls
        )
        await serve_until(stop, create, options.listen, partial(_announce, options, live, stop))
        await processor.settled()


def _announce(options: ServeOptions, live: Live, stop: asyncio.Event, serving: bool) -> None:
    """Say that streams are served, or that the last ones are waited for."""
    live.serving = serving
    if serving:
        print(f"aigw-extproc: ready on {options.listen}", flush=True)
    elif stop.is_set():
        log.info("draining: at most %.0f s", options.drain_seconds)


@asynccontextmanager
async def _tracing(traces: TraceOptions | None) -> AsyncIterator[SpanTracer | None]:
    """Yield what begins spans, and send the last ones at the end; None without traces."""
    if traces is None:
        yield None
        return
    # Imported here: it takes 0.3 s, and is an extra.
    from aigw_extproc.tracing.exporter import SpanTracer

    tracer = SpanTracer(traces)
    try:
        yield tracer
    finally:
        await asyncio.to_thread(tracer.close)  # it waits for the collector


async def _publish_page(recorder: Recorder | None, live: Live) -> None:
    """Tell the process that supervises this one what is on its page."""
    if recorder is not None:
        from aigw_extproc.serve import page_files

        await page_files.publish(status_file(PAGE_NAME), recorder, live.models)


async def _fetch_media(urls: tuple[str, ...], hosts: tuple[str, ...]) -> Mapping[str, Fetched]:
    # Imported at the first image: most gateways never get one, and the import takes 0.1 s.
    from aigw_extproc.outbound.media import fetcher

    return await fetcher().fetch(urls, hosts)


async def _call_upstream(upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
    # Imported at the first batch, for the same reasons.
    from aigw_extproc.outbound.upstream import client

    return await client().call(upstream, calls)
