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

_WATCH_S = 1.0
# Read by a library when it is loaded: for those that come later than use_one_thread.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def guarded(function: Callable[[Any], Any], item: Any) -> Any:
    """The function's result, or the RnnetError that it raised."""
    try:
        return function(item)
    except RnnetError as error:
        return error


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

    for name in _THREAD_VARIABLES:
        os.putenv(name, "1")
    threadpool_limits(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


@contextmanager
def one_itk_thread() -> Iterator[None]:
    """Inside the block SimpleITK's filters use one thread, in whatever process.

    Several threads share an image out in pieces, and the last digits depend on where a piece begins.
    """
    import SimpleITK as sitk

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


@cache
def _stop_with(parent: int) -> None:
    """End this process soon after its parent: a killed run's workers would go on with what they were handed."""

    def watch() -> None:
        # On Windows a process keeps its parent's number; workers end there when they are idle.
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent watch").start()
