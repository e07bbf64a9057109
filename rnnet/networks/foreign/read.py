"""Every tensor of a foreign file under one dotted name, read without running code from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnnet.core.errors import FileFormatError, MissingDependencyError, MissingWeightsError


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name, floats as float32 on the CPU; the keys of nested dictionaries are joined by dots.

    A training's wrappers ('state_dict', 'network_weights', 'model') become the beginning of the names.

    Raises:
        MissingWeightsError: no such file.
        MissingDependencyError: a format that needs another library.
        FileFormatError: damaged, no weights, objects beside the weights that only running code could read, or a value
            that is not a number.
    """
    if path.is_dir():
        raise MissingWeightsError("This is a folder, not a file of weights.", where=path, fix="Give the file with -i.")
    if not path.is_file():
        raise MissingWeightsError("The file of the weights is not there.", where=path, fix="Give the file with -i.")
    if path.suffix == ".safetensors":
        raise MissingDependencyError(
            "rnnet does not read .safetensors.", where=path,
            fix="Convert the file where the library safetensors is installed: "
            "torch.save(safetensors.torch.load_file('weights.safetensors'), 'weights.pth').",
        )
    tensors = dict(_tensors(_loaded(path), ""))
    if not tensors:
        raise FileFormatError("The file holds no tensor.", where=path, fix="Give the file of the weights.")
    broken = next((n for n, t in tensors.items() if t.is_floating_point() and not bool(t.isfinite().all())), "")
    if broken:
        raise FileFormatError(
            f"'{broken}' holds values that are no numbers.", where=path, fix="Use an earlier state of that training."
        )
    return tensors


def _loaded(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the bytes of a damaged file can break the reader at any place
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        if named:
            raise FileFormatError(
                f"The file holds objects beside its weights ({named[1]}), and rnnet runs no code from a file.",
                where=path, fix="If you trust it, store its tensors alone, where the program that wrote it is "
                f"installed: import torch; w = torch.load({str(path)!r}, weights_only=False); "
                "w = w if isinstance(w, dict) else w.state_dict(); torch.save(w.get('state_dict', w), 'weights.pth').",
            ) from error
        raise FileFormatError(
            "The file cannot be read as weights of torch.", where=path,
            fix="Give a file that torch.save wrote; download it again if it is cut off.",
        ) from error


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value.detach().float() if value.is_floating_point() else value.detach()
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _tensors(part, f"{name}.{key}" if name else str(key))
