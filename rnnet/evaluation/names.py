"""How models and their negative controls are called in tables, figures and warnings."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.core.layouts import split_control

MODEL_NAMES = {
    "ssl_vit": "SSL ViT",
    "vit_scratch": "ViT from scratch",
    "ssl_vit_t1ce": "SSL ViT, T1CE only",
    "resnet50": "3D ResNet50",
    "radiomics": "Radiomics",
    "clinical": "Clinical",
    "radiomics_clinical": "Radiomics + clinical",
    "multimodal": "Multimodal",
    "radiomics_logistic": "Radiomics, logistic",
    "clinical_logistic": "Clinical, logistic",
    "radiomics_clinical_logistic": "Radiomics + clinical, logistic",
    "multimodal_logistic": "Multimodal, logistic",
}
CONTROL_NAMES = {
    "shuffled_labels": "shuffled labels",
    "mask_only": "mask only",
    "volume_only": "volume only",
    "random_encoder": "random encoder",
}


def model_name(config: str) -> str:
    """Readable name of a configuration, or of a negative control of one: 'SSL ViT, mask only'."""
    model, control = split_control(config)
    name = MODEL_NAMES.get(model, model)
    return f"{name}, {CONTROL_NAMES.get(control, control)}" if control else name


def folds_text(folds: Sequence[str]) -> str:
    """'fold 0' or 'folds 0, 1'."""
    return f"fold{'s' if len(folds) > 1 else ''} {', '.join(folds)}"
