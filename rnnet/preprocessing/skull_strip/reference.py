"""The atlas's brain as the scan's own skull-stripper sees it.

Strippers differ in how much of the brain's rim they keep. With the same one on both sides, registration brain to brain
is not drawn to that difference: known motions of the atlas are found with half the error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from rnnet.core.errors import CaseFailedError
from rnnet.core.files import text_digest
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.quality import overlap
from rnnet.preprocessing.skull_strip.table import SkullStripper

# These do not look at a head: the scan's brain is given.
_GIVEN = ("mask", "none")
# A stripper that sees less of the atlas's own brain does not take it for a head; a made-up atlas, for example.
LEAST_DICE = 0.9


def atlas_seen_by(stripper: SkullStripper, atlas: Atlas) -> Atlas:
    """The atlas with the brain that `stripper` finds in its head; with its own brain if the stripper finds none.

    Stripped once per process.
    """
    return atlas if stripper.name in _GIVEN else _stripped(atlas, _Key(stripper.name, stripper.version, stripper))


@dataclass(frozen=True, slots=True)
class _Key:
    """A stripper, equal to another of its name and version."""

    name: str
    version: str
    stripper: SkullStripper = field(compare=False)


@lru_cache(maxsize=4)
def _stripped(atlas: Atlas, key: _Key) -> Atlas:
    try:
        brain = key.stripper.brain_mask(atlas.head)
    except CaseFailedError:
        return atlas
    if overlap(brain, atlas.brain.array > 0, np.ones(brain.shape, bool)) < LEAST_DICE:
        return atlas
    seen = atlas.brain.with_array(np.where(brain, atlas.head.array, 0).astype(np.float32))
    return replace(atlas, brain=seen, digest=text_digest(f"{atlas.digest} {key.name} {key.version}"))
