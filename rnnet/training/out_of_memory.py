"""Out of memory: known as such, and told with the fields of the plan that cure it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rnnet.core.errors import RnnetError

# What torch's allocators say; only that of CUDA has an error class of its own.
_SAYINGS = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory, of the host or of a GPU, was not enough."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in _SAYINGS)


@contextmanager
def memory_advice(part: str) -> Iterator[None]:
    """Inside, lack of memory becomes an RnnetError with the fields of the plan's `part` to change."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RnnetError(
            f"The memory is not enough for a step of {part}.",
            fix=f"Lower {part}.batch_size; or keep it and raise {part}.accumulate_steps, which works on the batch in "
                "parts; or, with a Vision Transformer, --set network.checkpoint_blocks=true, which computes values "
                "again instead of keeping them.",
        ) from error
