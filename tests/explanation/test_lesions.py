from __future__ import annotations

from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.errors import SettingError
from rnnet.core.workspace import Workspace
from rnnet.dataset.manifest import Manifest
from rnnet.evaluation.decision import fixed_threshold
from rnnet.inference.bundle import FoldModel, ModelBundle
from tests.experiment.workspaces import NAME, write_dataset
from tests.factories import OUTCOMES, make_plan


def test_maps_of_a_model_without_attention_are_refused_before_the_scans_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.under(tmp_path)
    write_dataset(workspace)
    bundle = ModelBundle(
        NAME, "clinical", make_plan(), Manifest("Toy", {"0": "T1CE"}, clinical={}),
        fixed_threshold(0.5, positive_outcome=OUTCOMES[1]), (FoldModel("0", (), None),),
    )
    monkeypatch.setattr(ModelBundle, "load", lambda *_, **__: bundle)
    nowhere = tmp_path / "nowhere"
    with pytest.raises(SettingError, match="'clinical' has no attention"):
        pipeline.predict(workspace, NAME, images=nowhere, masks=nowhere, output=tmp_path / "out", config="clinical",
                         explain_lesions=True)
    assert not (tmp_path / "out").exists()
