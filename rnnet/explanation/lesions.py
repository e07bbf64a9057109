"""Attention maps of lesions: pictures, NIfTI in the scan's own grid, and where the attention lies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from rnnet.core.codec import to_plain
from rnnet.core.errors import SettingError
from rnnet.core.files import write_text
from rnnet.core.types import LesionCase
from rnnet.core.volume import write_volume
from rnnet.experiment.corpus import Corpus
from rnnet.explanation.attention import explain_crop
from rnnet.explanation.checks import attention_share
from rnnet.explanation.export import attention_to_native
from rnnet.explanation.overlay import write_overlay
from rnnet.inference.bundle import ModelBundle
from rnnet.networks.vit3d import Vit3d

RIM_VOX = 3


def explain_cases(bundle: ModelBundle, cases: Sequence[LesionCase], corpus: Corpus, folder: Path) -> list[Path]:
    """Write <case>.png, <case>_attention.nii.gz and attention_shares.json; returns the pictures.

    The map is the attention rollout, averaged over the folds' transformers.

    Raises:
        SettingError: the configuration has no transformer.
    """
    models = transformers_of(bundle)
    pictures, shares = [], {}
    for case in tqdm(cases, desc="attention"):
        crop = corpus.read(case)
        maps = [explain_crop(encoder, crop.array[list(channels)]) for encoder, channels in models]
        attention = np.mean(maps, axis=0).astype(np.float32)
        share = attention_share(attention, crop.array[1] > 0, margin_vox=RIM_VOX)
        shares[case.case_id] = to_plain(share)
        native = attention_to_native(attention, crop.start_zyx_vox, corpus.scan_of(case))
        write_volume(folder / f"{case.case_id}_attention.nii.gz", native)
        picture = folder / f"{case.case_id}.png"
        write_overlay(
            picture, image=crop.array[0], mask=crop.array[1], attention=attention, title=case.case_id,
            caption=f"Attention inside the lesion {share.in_lesion:.0%}, within {RIM_VOX} mm of it "
            f"{share.in_margin:.0%}, elsewhere {share.elsewhere:.0%}.",
        )
        pictures.append(picture)
    write_text(folder / "attention_shares.json", json.dumps(shares, indent=2) + "\n")
    return pictures


def transformers_of(bundle: ModelBundle) -> list[tuple[Vit3d, tuple[int, ...]]]:
    """The transformers of all folds, each with the channels that it looks at.

    Raises:
        SettingError: the configuration has none.
    """
    models = [
        (m.classifier.encoder, m.info.channels)
        for fold in bundle.folds for m in fold.imaging if isinstance(m.classifier.encoder, Vit3d)
    ]
    if not models:
        raise SettingError(f"'{bundle.config}' has no attention.", fix="Use ssl_vit, vit_scratch or multimodal.")
    return models
