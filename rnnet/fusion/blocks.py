"""Which blocks of inputs and which head each tabular configuration uses, and what it does where a block is missing."""

from __future__ import annotations

from itertools import combinations

from rnnet.core.types import LOGISTIC_CONFIGS, TABULAR_CONFIGS
from rnnet.planning.plan import FusionPlan

IMAGING, RADIOMICS, CLINICAL = "imaging", "radiomics", "clinical"
# In the order in which the classifier gets them.
BLOCKS = (IMAGING, RADIOMICS, CLINICAL)
_BLOCKS_OF = {
    "radiomics": (RADIOMICS,),
    "clinical": (CLINICAL,),
    "radiomics_clinical": (RADIOMICS, CLINICAL),
    "multimodal": (IMAGING, RADIOMICS, CLINICAL),
}
_LOGISTIC = "logistic"
# The configuration whose logit the block 'imaging' is.
IMAGING_PART = "ssl_vit"


def published_config(config: str) -> str:
    """The configuration with the same inputs and the published head: 'radiomics' of 'radiomics_logistic'."""
    return config.removesuffix(f"_{_LOGISTIC}") if config in LOGISTIC_CONFIGS else config


def blocks_of(config: str) -> tuple[str, ...]:
    """The blocks that a configuration uses where all are there; none for an imaging configuration."""
    return _BLOCKS_OF.get(published_config(config), ())


def head_of(config: str, plan: FusionPlan) -> str:
    """Name of the head of a configuration: logistic for the controls, else what the plan says."""
    if config in LOGISTIC_CONFIGS:
        return _LOGISTIC
    return plan.radiomics_head if config == "radiomics" else plan.head


def parts_of(blocks: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The combinations of blocks that a model of `blocks` must be ready for, the whole first.

    A lesion that has an image has an imaging logit: a model with imaging is never asked to go without it.
    """
    found = [part for size in range(len(blocks), 0, -1) for part in combinations(blocks, size)]
    return tuple(part for part in found if IMAGING in part or IMAGING not in blocks)


def blocks_text(blocks: tuple[str, ...]) -> str:
    """'imaging + clinical', or 'nothing'."""
    return " + ".join(blocks) or "nothing"


USES_RADIOMICS = tuple(config for config in TABULAR_CONFIGS if RADIOMICS in blocks_of(config))
USES_IMAGING = tuple(config for config in TABULAR_CONFIGS if IMAGING in blocks_of(config))
