"""Where shards are scanned: in this process, on worker processes of this machine, or on a Dask cluster.

A shard that kills its worker is given up after three tries and becomes a line in the ledger; the others go
on. Text never travels: workers read the shards themselves and send back small states.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from audits.base import Audit
from connectors import Shard
from flows.errors import EngineUnavailable
from flows.run_config import EngineConfig
from flows.scanning import CorpusScan, ShardScan, failed_scan, scan_shard

_TRIES = 3
_CONNECT_SECONDS = 30
_QUEUED_PER_WORKER = 3
"""Shards handed to the scheduler ahead of time: enough to keep workers busy, and few states in flight."""

OnShard = Callable[[Shard, ShardScan], None]
SharedT = TypeVar("SharedT")
ResultT = TypeVar("ResultT")


def scan_corpus(
    shards: Sequence[Shard], audits: Sequence[Audit[Any]], engine: EngineConfig, on_shard: OnShard
) -> CorpusScan:
    """Scan all shards, largest first, and merge what they leave. `on_shard` hears of each finished shard.

    Raises:
        EngineUnavailable: the cluster cannot be reached or started.
    """
    total = CorpusScan({audit.label: audit.new_state() for audit in audits})
    for shard, scan in each_shard(shards, scan_shard, list(audits), failed_scan, engine):
        total.add(scan)
        on_shard(shard, scan)
    return total.in_order()


def each_shard(
    shards: Sequence[Shard],
    work: Callable[[Shard, SharedT], ResultT],
    shared: SharedT,
    failed: Callable[[Shard, BaseException], ResultT],
    engine: EngineConfig,
) -> Iterator[tuple[Shard, ResultT]]:
    """Yield every shard with `work(shard, shared)`, largest first handed out, in the order in which they finish.

    Args:
        shards: what to work on.
        work: a function of a module, which travels to the workers by its name.
        shared: what all calls need; it travels once.
        failed: what to yield for a shard whose work raised, or killed its worker.
        engine: where to work.

    Raises:
        EngineUnavailable: the cluster cannot be reached or started.
    """
    largest_first = sorted(shards, key=lambda shard: (-shard.size, shard.uri))
    if engine.workers or engine.scheduler is not None:
        yield from _on_dask(largest_first, work, shared, failed, engine)
        return
    for shard in largest_first:
        try:
            yield shard, work(shard, shared)
        except Exception as error:  # one bad shard must not end the night; the account names it
            yield shard, failed(shard, error)


def _on_dask(
    shards: Sequence[Shard],
    work: Callable[[Shard, SharedT], ResultT],
    shared: SharedT,
    failed: Callable[[Shard, BaseException], ResultT],
    engine: EngineConfig,
) -> Iterator[tuple[Shard, ResultT]]:
    from distributed import KilledWorker

    if not shards:
        return
    with _client(engine, len(shards)) as client, warnings.catch_warnings():
        # What is shared travels once, as a task: were it scattered, a worker's death could lose it for good.
        warnings.filterwarnings("ignore", message="Sending large graph")
        sent = client.submit(_same, shared, pure=False)
        suspects = []
        width = _QUEUED_PER_WORKER * max(1, len(client.scheduler_info()["workers"]))
        for shard, result in _spread(client, shards, work, sent, width):
            if isinstance(result, KilledWorker):
                suspects.append(shard)
            else:
                yield shard, failed(shard, result) if isinstance(result, BaseException) else result
        # Every shard queued on a worker that dies is blamed for it; alone, only the guilty one dies again.
        for shard, result in _spread(client, suspects, work, sent, 1):
            yield shard, failed(shard, result) if isinstance(result, BaseException) else result


def _spread(
    client: Any, shards: Sequence[Shard], work: Callable[[Shard, Any], ResultT], shared: Any, width: int
) -> Iterator[tuple[Shard, ResultT | BaseException]]:
    """Yield every shard with its result, or with what stopped it; at most `width` are handed out at a time."""
    from distributed import as_completed

    waiting = iter(shards)
    futures = {client.submit(work, shard, shared, pure=False): shard for shard in islice(waiting, width)}
    done = as_completed(list(futures))
    for future in done:
        shard, error = futures.pop(future), future.exception()
        result = error if error is not None else future.result()
        future.release()
        for following in islice(waiting, 1):
            submitted = client.submit(work, following, shared, pure=False)
            futures[submitted] = following
            done.add(submitted)
        yield shard, result


@contextmanager
def _client(engine: EngineConfig, shards: int) -> Iterator[Any]:
    """Yield a client of the configured cluster, or of worker processes that end with it."""
    import dask
    from distributed import Client, LocalCluster

    settings = {"distributed.scheduler.allowed-failures": _TRIES - 1}
    # Where Prefect logs, workers would come and go at length; what matters of them is in the ledger.
    with dask.config.set(settings), _level(logging.getLogger("distributed"), logging.CRITICAL):
        try:
            if engine.scheduler is not None:
                with Client(engine.scheduler, timeout=_CONNECT_SECONDS) as client:
                    yield client
                return
            cluster = LocalCluster(
                n_workers=min(engine.workers, shards),
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        except (OSError, TimeoutError) as error:
            where = engine.scheduler or "worker processes on this machine"
            raise EngineUnavailable(
                f"The engine cannot be reached: {where} ({error})",
                "Check `engine.scheduler`, or set `engine: {workers: 0}` to work in this process",
            ) from error
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def _level(logger: logging.Logger, level: int) -> Iterator[None]:
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def _same(shared: SharedT) -> SharedT:
    return shared
