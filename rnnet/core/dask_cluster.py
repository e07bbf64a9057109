"""One function over many items on a Dask cluster: the only file that imports Dask."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from tqdm import tqdm

from rnnet.core.errors import MissingDependencyError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.worker import checked, guarded, use_one_thread, worker_death

LOCAL = "local"
log = get_logger(__name__)

CONNECT_S = 10
_POLL_S = 0.05
# Without a worker for so long, the user is told that the run waits.
_WAIT_S = 30.0
_CONFIG = {
    # The function carries the atlas once for all workers; that is meant.
    "distributed.admin.large-graph-warning-threshold": "10 GB",
    # One scan at a time: a scan that waits behind one that kills its worker would be suspected with it.
    "distributed.scheduler.worker-saturation": 1.0,
    # A worker keeps no results; its memory is what its scan needs.
    "distributed.worker.memory.target": False, "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


def map_on_cluster(
    function: Callable[[Any], Any], items: Sequence[Any], *, address: str, n_processes: int, title: str
) -> list[Any]:
    """parallel.map_cases on the scheduler at `address`, or for "local" on n_processes workers of this machine.

    Raises:
        MissingDependencyError: Dask is not installed.
        RnnetError: the scheduler cannot be reached, or is lost on the way, or its workers cannot run rnnet.
    """
    with _client(address, min(n_processes, len(items))) as client, tqdm(total=len(items), desc=title) as bar:
        log.info("The Dask scheduler has %d worker(s).", len(client.scheduler_info()["workers"]))
        # Loaded on one worker and copied from there; made again if that worker is lost.
        loaded = client.submit(pickle.loads, pickle.dumps(function), pure=False)
        results: dict[int, Any] = {}
        suspects: list[int] = []
        for index, result in _finished(client, loaded, items, range(len(items))):
            if result is None:
                suspects.append(index)
            else:
                results[index] = checked(result[0])
                bar.update()
        # An item that was with another on workers that died is not to blame: each gets its turn alone.
        for index in suspects:
            (_, result), = _finished(client, loaded, items, [index])
            results[index] = worker_death() if result is None else checked(result[0])
            bar.update()
    return [results[index] for index in range(len(items))]


def check_scheduler(address: str) -> None:
    """Return if the scheduler at `address` answers; for "local" if Dask is installed.

    Raises:
        MissingDependencyError: Dask is not installed.
        RnnetError: no scheduler answers there.
    """
    if address == LOCAL:
        _import_dask()
        return
    with _client(address, 0):
        pass


def _finished(
    client: Any, loaded: Any, items: Sequence[Any], indices: Sequence[int]
) -> Iterator[tuple[int, tuple[Any] | None]]:
    """(index, (result,)) of items as they are done; (index, None) of one whose workers died."""
    from distributed import KilledWorker, as_completed

    futures = client.map(_on_worker, [items[index] for index in indices], function=loaded, pure=False)
    index_of = {future.key: index for future, index in zip(futures, indices, strict=True)}
    pending = as_completed(futures)
    del futures  # a future that no one holds is forgotten by the scheduler
    waited = 0.0
    while pending.count():
        if not pending.has_ready():
            time.sleep(_POLL_S)
            waited = _tell_if_no_workers(client, waited + _POLL_S)
            continue
        waited = 0.0
        for future in pending.next_batch(block=False):
            if future.cancelled():
                raise _lost(client)
            if future.status == "lost":
                pending.add(future)  # the worker that kept the result died; it is made again
                continue
            error = future.exception()
            if error is None:
                yield index_of[future.key], (future.result(),)
            elif isinstance(error, KilledWorker):
                yield index_of[future.key], None
            else:  # what the function itself raises comes back as its result
                raise RnnetError(
                    f"The Dask workers cannot run rnnet ({type(error).__name__}: {' '.join(str(error).split())}).",
                    where=getattr(client.scheduler, "address", ""),
                    fix="Install the same rnnet, Python and libraries on the scheduler and the workers as here.",
                ) from error


def _on_worker(item: Any, function: Callable[[Any], Any]) -> Any:
    use_one_thread()
    return guarded(function, item)


def _lost(client: Any) -> RnnetError:
    return RnnetError(
        "The connection to the Dask scheduler was lost.", where=getattr(client.scheduler, "address", ""),
        fix="See the scheduler's log, start it again if it ended, and run the same command again: finished scans are "
        "kept.",
    )


def _tell_if_no_workers(client: Any, waited_s: float) -> float:
    """Say now and then that there is no worker: they may be waiting in a queue, or be gone."""
    if waited_s < _WAIT_S:
        return waited_s
    if not client.scheduler_info()["workers"]:
        log.warning("The Dask scheduler has no workers at the moment; waiting for one.")
    return 0.0


@contextmanager
def _client(address: str, n_processes: int) -> Iterator[Any]:
    """A client of the scheduler, or of a cluster of this machine that ends with the block."""
    dask, distributed = _import_dask()
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(dask.config.set(_CONFIG))
        if address == LOCAL:
            cluster = stack.enter_context(distributed.LocalCluster(
                n_workers=n_processes, threads_per_worker=1, processes=True, memory_limit=0,
                dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
            ))
            yield stack.enter_context(distributed.Client(cluster))
            return
        try:
            client = stack.enter_context(distributed.Client(address, timeout=CONNECT_S))
        except (OSError, ValueError) as error:
            raise RnnetError(
                f"No Dask scheduler answers ({type(error).__name__}).", where=address,
                fix="Start one with `dask scheduler` and give the address that it prints, as tcp://host:8786.",
            ) from error
        yield client


def _import_dask() -> tuple[Any, Any]:
    try:
        import dask
        import distributed
    except ImportError as error:
        raise MissingDependencyError(
            "Dask is not installed.", fix="Run in rnnet's checkout: pip install -c constraints.txt -e '.[dask]'"
        ) from error
    return dask, distributed


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of every lost connection with a traceback; what matters is said in one line here."""
    loggers = [logging.getLogger(n) for n in logging.root.manager.loggerDict if n.split(".")[0] == "distributed"]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
