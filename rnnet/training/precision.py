"""Device and number format of a run, chosen once and in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch

from rnnet.core.allocator import keep_freed_memory
from rnnet.core.errors import SettingError

Precision = Literal["auto", "bfloat16", "float32"]
# Major compute capability of NVIDIA's first GPUs with bfloat16 units (Ampere).
_FIRST_WITH_BFLOAT16 = 8


def open_device(name: str) -> torch.device:
    """The torch device called `name` ('cpu', 'cuda', 'cuda:1', 'mps').

    Raises:
        SettingError: no such device here.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingError(f"'{name}' is not a device.", fix="Use cpu, cuda, cuda:N or mps.") from error
    missing = (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()) or (
        device.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise SettingError(f"The device '{name}' is not available here.", fix="Use -device cpu, or another device.")
    return device


def cpu_has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware. False where torch cannot tell."""
    ask = getattr(torch.cpu, "get_capabilities", None)  # newer than the oldest torch that rnnet accepts
    if ask is None:
        return False
    found = ask()
    return any(bool(found.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def choose_precision(precision: Precision, device: torch.device) -> Literal["bfloat16", "float32"]:
    """'auto' becomes bfloat16 where the device is fast at it, float32 elsewhere."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        # Older GPUs only emulate it, and torch calls that supported.
        is_fast = torch.version.hip is not None or torch.cuda.get_device_capability(device)[0] >= _FIRST_WITH_BFLOAT16
        return "bfloat16" if is_fast else "float32"
    return "bfloat16" if device.type == "cpu" and cpu_has_fast_bfloat16() else "float32"


def autocast(device: torch.device, precision: Literal["bfloat16", "float32"]) -> AbstractContextManager[object]:
    """Mixed precision around a forward pass; nothing for float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bfloat16" else nullcontext()


@contextmanager
def training_numerics(device: torch.device) -> Iterator[None]:
    """Inside, freed memory is reused and training may seed torch's generators; afterwards those are as before.

    Matrix products of float32 tensors stay float32: torch's 'medium' setting would round them to bfloat16 on a CPU
    that is fast at it, and where that is wanted autocast does it, sparing the losses.
    """
    if device.type == "cpu":
        keep_freed_memory()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
