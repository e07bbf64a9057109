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
from rnnet.fusion.table import FUSION_HEADS
from rnnet.fusion.tabular import ImagingScale, TabularModel

_STRUCTURE = "structure_json"
_HEAD_PREFIX = "head."
# What zip, zlib, numpy, JSON and a head's constructor raise for bytes that are not what they should be.
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
_FIX = "Train it again: rnnet_train DATASET FOLD -c CONFIG, or rnnet_fuse DATASET."


@dataclass(frozen=True, slots=True)
class _Structure:
    """Everything of a TabularModel but its head's arrays."""

    schema_version: int
    config: str
    positive_outcome: str
    head_name: str
    clinical: FittedClinical | None
    selection: FittedSelection
    imaging: ImagingScale | None
    train_patient_ids: tuple[str, ...]


def save_tabular(path: Path, model: TabularModel) -> None:
    """Write the model atomically. JSON keeps every float64 exactly, so a loaded model predicts the same numbers."""
    structure = _Structure(
        SCHEMA_VERSION, model.config, model.positive_outcome, model.head_name, model.clinical, model.selection,
        model.imaging, model.train_patient_ids,
    )
    text = json.dumps(to_plain(structure), ensure_ascii=False)
    arrays: dict[str, Any] = {_HEAD_PREFIX + name: array for name, array in model.head.to_arrays().items()}
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
        head_arrays = {name.removeprefix(_HEAD_PREFIX): array for name, array in arrays.items()}
        head = FUSION_HEADS.get(structure.head_name, where=path).load(head_arrays)
    except _DAMAGED as error:
        raise FileFormatError(f"The file is not a tabular model ({error}).", where=path, fix=_FIX) from error
    except SettingError as error:
        raise FileFormatError(error.problem, where=path, fix=_FIX) from error
    return TabularModel(
        config=structure.config, positive_outcome=structure.positive_outcome, head_name=structure.head_name,
        head=head, clinical=structure.clinical, selection=structure.selection, imaging=structure.imaging,
        train_patient_ids=structure.train_patient_ids,
    )
