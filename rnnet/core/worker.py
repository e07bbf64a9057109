"""What happens inside a worker process: one item, on one thread, as long as the run lives."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from rnnet.core.errors import CaseFailedError, RnnetError, StorageError
from rnnet.core.log import get_logger

log = get_logger(__name__)
_WATCH_S = 1.0
# Read by a library when it is loaded: for those that come later than use_one_thread.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def guarded(function: Callable[[Any], Any], item: Any) -> Any:
    """The function's result, or its failure as an RnnetError: whatever one item raises, the others go on."""
    try:
        return function(item)
    except Exception as error:
        return failure_of(error)


def failure_of(error: Exception, *, where: object = "") -> RnnetError:
    """The error as one that a user can cure; a library's error becomes a CaseFailedError with its type and text.

    where: its place, if the error names none.
    """
    if isinstance(error, RnnetError):
        return error if error.where or not where else type(error)(error.problem, where=where, fix=error.fix)
    if isinstance(error, MemoryError):
        return CaseFailedError(f"The memory ran out ({error}).", where=where,
                               fix="Give a lower -np, or look at the image's size.")
    log.debug("A library's error:", exc_info=error)
    return CaseFailedError(f"{type(error).__name__}: {' '.join(str(error).split())}", where=where,
                           fix="Look at the image and its header.")


def checked(result: Any) -> Any:
    """A result of guarded(), back in the process of the run.

    Raises:
        StorageError: the disk is full or the like; it would meet every other item too, so it must end the run.
    """
    if isinstance(result, StorageError):
        raise result
    return result


def worker_death() -> CaseFailedError:
    """The failure of an item whose worker is killed every time."""
    return CaseFailedError(
        "The process that worked on it was killed each time, probably for lack of memory.",
        fix="Use a machine with more memory, and look at the size of the image.",
    )


def guarded_stored(path: str, item: Any, parent: int) -> Any:
    """guarded() with the function that is pickled at `path`, in a worker of the process `parent`."""
    use_one_thread()
    _stop_with(parent)
    return guarded(_stored_function(path), item)


@lru_cache(maxsize=1)
def _stored_function(path: str) -> Callable[[Any], Any]:
    function: Callable[[Any], Any] = pickle.loads(Path(path).read_bytes())
    return function


def use_one_thread() -> None:
    """Keep this process's libraries to one thread each, so that N workers use N cores."""
    _limit_libraries()
    torch = sys.modules.get("torch")
    # Not imported for this: few functions need it. It takes its number from the variables if it is loaded later.
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@cache
def _limit_libraries() -> None:
    import SimpleITK as sitk
    from threadpoolctl import threadpool_limits

    _tell_libraries(1)
    threadpool_limits(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside the block this process uses one core as a worker does; afterwards as many threads as before.

    Several threads share an image out in pieces, and the last digits depend on where a piece begins. Libraries that
    are loaded inside the block are limited too; they, and those loaded later, get as many threads afterwards as the
    others have.
    """
    import SimpleITK as sitk
    from threadpoolctl import ThreadpoolController

    itk = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    # None where a library does not tell.
    pools = {pool.filepath: pool.num_threads or 1 for pool in ThreadpoolController().lib_controllers}
    usual = max(pools.values(), default=os.cpu_count() or 1)
    torch = sys.modules.get("torch")
    of_torch = usual if torch is None else torch.get_num_threads()
    try:
        _tell_libraries(1)
        for pool in ThreadpoolController().lib_controllers:
            pool.set_num_threads(1)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        if torch is not None:
            torch.set_num_threads(1)
        yield
    finally:
        _tell_libraries(usual)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(itk)
        torch = sys.modules.get("torch")  # perhaps only now
        if torch is not None:
            torch.set_num_threads(of_torch)
        for pool in ThreadpoolController().lib_controllers:
            pool.set_num_threads(pools.get(pool.filepath, usual))


def _tell_libraries(threads: int) -> None:
    """For the libraries that are loaded later. What Python itself knows of the variables stays as the user set it."""
    for name in _THREAD_VARIABLES:
        os.putenv(name, str(threads))


@cache
def _stop_with(parent: int) -> None:
    """End this process soon after its parent: a killed run's workers would go on with what they were handed."""

    def watch() -> None:
        # On Windows a process keeps its parent's number; workers end there when they are idle.
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent watch").start()
