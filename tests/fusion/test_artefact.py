from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import FileFormatError, MissingStageError
from rnnet.core.types import PUBLISHED_TABULAR_CONFIGS
from rnnet.fusion.artefact import load_tabular, save_tabular
from rnnet.fusion.tabular import TabularModel, fit_tabular
from tests.fusion.tabular_data import COLUMNS, make_data, make_fusion_plan

DATA = make_data(radiomics_signal=1.0, clinical_signal=1.0, imaging_signal=1.0, missing_share=0.1)


def make_model(config: str, *settings: str) -> TabularModel:
    return fit_tabular(config, DATA.train, radiomics=DATA.radiomics, columns=COLUMNS, imaging_logits=DATA.logits,
                       plan=make_fusion_plan(*settings), seed=0)


@pytest.mark.parametrize("config", PUBLISHED_TABULAR_CONFIGS)
@pytest.mark.parametrize("head", ["mlp", "logistic", "random_forest"])
def test_a_loaded_model_predicts_the_same_numbers(tmp_path: Path, config: str, head: str) -> None:
    model = make_model(config, f"fusion.head={head}")
    save_tabular(tmp_path / "fold_0" / "model.npz", model)
    again = load_tabular(tmp_path / "fold_0" / "model.npz")
    for field in ("config", "positive_outcome", "clinical", "train_patient_ids"):
        assert getattr(again, field) == getattr(model, field)
    for part, stored in zip(model.parts, again.parts, strict=True):
        for field in ("blocks", "head_name", "selection", "imaging", "n_rows"):
            assert getattr(stored, field) == getattr(part, field)
    blocks = {"radiomics": DATA.radiomics, "imaging_logits": DATA.logits}
    assert again.predict(DATA.test, **blocks) == model.predict(DATA.test, **blocks)
    assert [p.name for p in (tmp_path / "fold_0").iterdir()] == ["model.npz"]


def test_the_file_holds_no_pickle(tmp_path: Path) -> None:
    save_tabular(tmp_path / "model.npz", make_model("multimodal"))
    with np.load(tmp_path / "model.npz", allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= set("fiu")


def test_a_missing_model_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="rnnet_fuse"):
        load_tabular(tmp_path / "model.npz")


def test_a_damaged_model_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save_tabular(path, make_model("clinical"))
    whole = path.read_bytes()
    for content in (b"", b"not a zip file", whole[: len(whole) // 2], whole[:200] + b"\0" * 50 + whole[250:]):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match="not a tabular model"):
            load_tabular(path)


def test_pickled_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, structure_json=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FileFormatError, match="not a tabular model"):
        load_tabular(path)


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, structure_json=np.frombuffer(b'{"schema_version": 99}', dtype=np.uint8))
    with pytest.raises(FileFormatError, match="Schema version 99"):
        load_tabular(path)
