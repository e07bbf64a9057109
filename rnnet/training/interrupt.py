"""A polite end: on SIGTERM the step under way is finished and saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rnnet.core.errors import RnnetError


class TrainingInterruptedError(RnnetError):
    """Training was asked to stop; its state is saved."""


@contextmanager
def stop_on_sigterm(asked_elsewhere: Callable[[], bool] | None = None) -> Iterator[Callable[[], bool]]:
    """A function that tells whether to stop: after SIGTERM, or when `asked_elsewhere` says so.

    Batch systems send SIGTERM some seconds before they kill. Only the main thread may listen to signals; in another
    thread the signal keeps its usual effect.
    """
    received = threading.Event()

    def requested() -> bool:
        return received.is_set() or (asked_elsewhere is not None and asked_elsewhere())

    if threading.current_thread() is not threading.main_thread():
        yield requested
        return
    before = signal.signal(signal.SIGTERM, lambda *_: received.set())
    try:
        yield requested
    finally:
        # None: a handler that was not set from Python, which Python cannot put back.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
