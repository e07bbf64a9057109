"""How large the demonstration is for a given time on two cores."""

from __future__ import annotations

from dataclasses import dataclass

from rnnet.demo.size import DemoSize

REFERENCE_MINUTES = 10


@dataclass(frozen=True, slots=True)
class DemoBudget:
    """Size of the data, changed plan fields and the configurations to train one by one."""

    size: DemoSize
    settings: tuple[str, ...]
    configs: tuple[str, ...]
    n_folds: int


def budget_for(minutes: int) -> DemoBudget:
    """A demonstration of about `minutes`: patients and epochs grow with the time, within bounds."""
    share = min(4.0, minutes / REFERENCE_MINUTES)
    n_folds = 3
    reference = DemoSize()
    size = DemoSize(
        n_train_patients=max(8, round(reference.n_train_patients * min(1.5, share))),
        n_test_patients=max(4, round(reference.n_test_patients * min(1.5, share))),
        n_second_center_patients=max(4, round(reference.n_second_center_patients * min(1.5, share))),
        n_pool_scans=max(4, round(reference.n_pool_scans * min(2.0, share))),
    )
    settings = (
        f"n_folds={n_folds}",
        "crop.edge_vox=48",
        "features.bin_width=25",
        f"pretrain.epochs={max(2, round(50 * share))}",
        f"finetune.epochs={max(2, round(25 * share))}",
        f"finetune.probe_epochs={max(1, round(12 * share))}",
    )
    configs = ("ssl_vit", "vit_scratch", "radiomics", "clinical", "radiomics_clinical")
    return DemoBudget(size, settings, configs, n_folds)
