"""A share of the labelled training patients, for curves of what further labels bring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnet.core.seeding import seed_for
from rnnet.core.types import LesionCase

# Under which a run that used a share records it, beside the digests of its cases.
_SHARE_INPUT, _SEED_INPUT = "label share", "label share seed"


@dataclass(frozen=True, slots=True)
class LabelShare:
    """Which share of the labelled training patients is used, and the seed that draws them."""

    share: float = 1.0
    seed: int = 0

    @classmethod
    def recorded_in(cls, inputs: Mapping[str, str]) -> LabelShare:
        """The share that a run recorded among its inputs: all of them where it recorded none."""
        return cls(float(inputs.get(_SHARE_INPUT, 1.0)), int(inputs.get(_SEED_INPUT, 0)))

    def as_inputs(self) -> dict[str, str]:
        """For the record of a run; nothing where all labels are used."""
        return {} if self.share >= 1.0 else {_SHARE_INPUT: repr(self.share), _SEED_INPUT: str(self.seed)}

    @property
    def text(self) -> str:
        """For a message."""
        if self.share >= 1.0:
            return "all labels"
        return f"{100 * self.share:g} % of the labels (drawn by seed {self.seed})"

    def of(self, cases: Sequence[LesionCase]) -> tuple[LesionCase, ...]:
        """The cases of the drawn patients, in their order.

        Patients are drawn within the patients of the same outcomes, at least one of each. Every patient has a place
        in the queue of his group that follows from the seed and his name alone: of two shares the smaller is within
        the larger, and a patient who joins or leaves moves nobody else.
        """
        if self.share >= 1.0:
            return tuple(cases)
        outcomes: defaultdict[str, set[str | None]] = defaultdict(set)
        for case in cases:
            outcomes[case.patient_id].add(case.outcome)
        groups: defaultdict[frozenset[str | None], list[str]] = defaultdict(list)
        for patient, found in outcomes.items():
            groups[frozenset(found)].append(patient)
        kept: set[str] = set()
        for patients in groups.values():
            queue = sorted(patients, key=lambda p: (seed_for(self.seed, "label share", p), p))
            kept.update(queue[: max(1, round(self.share * len(queue)))])
        return tuple(case for case in cases if case.patient_id in kept)
