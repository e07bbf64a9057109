"""A tabular model on disk: one .npz of numeric arrays and a JSON text, without pickle."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.codec import SCHEMA_VERSION, from_plain, to_plain
from rnnet.core.errors import FileFormatError, MissingStageError, SettingError
from rnnet.core.files import atomic_path
from rnnet.features.clinical import FittedClinical
from rnnet.features.selection import FittedSelection
from rnnet.fusion.inputs import ImagingScale
from rnnet.fusion.parts import Part
from rnnet.fusion.radiomics_block import FittedRadiomics
from rnnet.fusion.table import FUSION_HEADS
from rnnet.fusion.tabular import TabularModel

_STRUCTURE = "structure_json"
# What zip, zlib, numpy, JSON and a head's constructor raise for bytes that are not what they should be.
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
_FIX = "Train it again: rnnet_train DATASET FOLD -c CONFIG, or rnnet_fuse DATASET."


@dataclass(frozen=True, slots=True)
class _PartStructure:
    """Everything of a Part but its head's arrays."""

    blocks: tuple[str, ...]
    head_name: str
    selection: FittedSelection
    imaging: ImagingScale | None
    n_rows: int


@dataclass(frozen=True, slots=True)
class _Structure:
    """Everything of a TabularModel but the heads' arrays."""

    schema_version: int
    config: str
    positive_outcome: str
    radiomics: FittedRadiomics
    clinical: FittedClinical | None
    parts: tuple[_PartStructure, ...]
    train_patient_ids: tuple[str, ...]


def save_tabular(path: Path, model: TabularModel) -> None:
    """Write the model atomically. JSON keeps every float64 exactly, so a loaded model predicts the same numbers."""
    parts = tuple(_PartStructure(p.blocks, p.head_name, p.selection, p.imaging, p.n_rows) for p in model.parts)
    structure = _Structure(
        SCHEMA_VERSION, model.config, model.positive_outcome, model.radiomics, model.clinical, parts,
        model.train_patient_ids,
    )
    text = json.dumps(to_plain(structure), ensure_ascii=False)
    arrays: dict[str, Any] = {
        _head_prefix(i) + name: array
        for i, part in enumerate(model.parts) for name, array in part.head.to_arrays().items()
    }
    arrays[_STRUCTURE] = np.frombuffer(text.encode(), dtype=np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def load_tabular(path: Path) -> TabularModel:
    """The model stored at `path`.

    Raises:
        MissingStageError: no such file.
        FileFormatError: not a model, a damaged one, or one of another schema version.
    """
    if not path.is_file():
        raise MissingStageError("This tabular model is needed and is not there.", where=path, fix=_FIX)
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        plain = json.loads(arrays.pop(_STRUCTURE).tobytes().decode())
        if plain.get("schema_version") != SCHEMA_VERSION:
            raise FileFormatError(f"Schema version {plain.get('schema_version')} is not {SCHEMA_VERSION}.",
                                  where=path, fix=_FIX)
        structure: _Structure = from_plain(_Structure, plain)
        parts = tuple(_part(i, part, arrays, path) for i, part in enumerate(structure.parts))
    except _DAMAGED as error:
        raise FileFormatError(f"The file is not a tabular model ({error}).", where=path, fix=_FIX) from error
    except SettingError as error:
        raise FileFormatError(error.problem, where=path, fix=_FIX) from error
    return TabularModel(
        structure.config, structure.positive_outcome, structure.radiomics, structure.clinical, parts,
        structure.train_patient_ids,
    )


def _part(index: int, stored: _PartStructure, arrays: dict[str, Any], path: Path) -> Part:
    prefix = _head_prefix(index)
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    head = FUSION_HEADS.get(stored.head_name, where=path).load(own)
    return Part(stored.blocks, stored.head_name, head, stored.selection, stored.imaging, stored.n_rows)


def _head_prefix(index: int) -> str:
    return f"part{index}.head."
