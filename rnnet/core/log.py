"""Logging for the library; the command line decides where it goes."""

from __future__ import annotations

import logging
import sys

from tqdm import tqdm


class _TqdmHandler(logging.Handler):
    """Writes above a running progress bar instead of through it."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def get_logger(name: str) -> logging.Logger:
    """Logger of a module: get_logger(__name__)."""
    return logging.getLogger(name)


def configure_logging(*, verbose: bool = False) -> None:
    """Send rnnet's log to standard error. Called by the command line only."""
    handler = _TqdmHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger("rnnet")
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.propagate = False


def quiet_logging() -> None:
    """From here on warnings and errors alone: for the processes beside the one that speaks for all."""
    logging.getLogger("rnnet").setLevel(logging.WARNING)
