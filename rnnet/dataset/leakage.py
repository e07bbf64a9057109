"""Who has seen whom: the guard between fitting and evaluation, over all data sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rnnet.core.errors import LeakageError
from rnnet.core.log import get_logger
from rnnet.core.types import LesionCase
from rnnet.core.wording import listed

log = get_logger(__name__)

OverlapKind = Literal["patient", "other name", "image", "possible patient"]
_ALLOW = "Where it is meant, --allow_leakage goes on and says so in every result."


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one step has seen, or what one set holds out.

    Attributes:
        name: for messages: 'the training part of fold 0', 'the test split of Dataset001_X'.
        patients: qualified by the data set: 'Dataset001_X/P001'.
        names: by qualified patient, the names that are this patient's in every data set: those of other_ids.csv, and
            an id that a converter made.
        images: by scan, qualified by the data set in which its image lies, hashes of what it shows, separated by
            blanks (rnnet.dataset.image_hash, a digest of the voxels); '' where none is known.
        unhashed: those of the scans whose hash would tell something and was never stored.
        unknown: patients of whom neither other names nor images are known.
    """

    name: str
    patients: frozenset[str] = frozenset()
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    unhashed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    def __or__(self, other: Exposure) -> Exposure:
        """Both together, under this one's name."""
        names = {p: self.names.get(p, frozenset()) | other.names.get(p, frozenset())
                 for p in (*self.names, *other.names)}
        images = {scan: joined_hashes(self.images.get(scan, ""), other.images.get(scan, ""))
                  for scan in (*self.images, *other.images)}
        unhashed = frozenset(scan for scan in self.unhashed | other.unhashed if not images.get(scan))
        return Exposure(
            self.name, self.patients | other.patients, names, images, unhashed, self.unknown | other.unknown
        )


@dataclass(frozen=True, slots=True)
class Overlap:
    """One patient or image on both sides.

    kind: 'patient' by the id in one data set; 'other name' by other_ids.csv or by the id that converters give;
    'image' by where it lies or what it shows; 'possible patient' by the same patient_id in two data sets, which may
    be two people. seen, held_out: the qualified patient or scan of either side.
    """

    kind: OverlapKind
    seen: str
    held_out: str

    def __str__(self) -> str:
        if self.seen == self.held_out:
            return self.seen
        return f"{self.held_out} ({'' if self.kind == 'image' else 'there '}{self.seen})"


def joined_hashes(*texts: str) -> str:
    """Every hash of the texts once, separated by blanks."""
    return " ".join(dict.fromkeys(" ".join(texts).split()))


def overlaps(seen: Exposure, held_out: Exposure) -> tuple[Overlap, ...]:
    """Every patient and image of `held_out` that `seen` has, in the order of the kinds and names."""
    return (*_patients(seen, held_out), *_images(seen, held_out))


def check_apart(
    pairs: Iterable[tuple[Exposure, Exposure]], *, fix: str, allow_leakage: bool = False
) -> tuple[str, ...]:
    """Return if in no pair (what was seen, what is held out) anything held out was seen.

    A 'possible patient' and scans without a hash are logged only. allow_leakage: return what was found as sentences and
    log each of them.

    Raises:
        LeakageError: something held out was seen, or it cannot be known; the first names are given.
    """
    pairs = list(pairs)
    _say_unhashed(pairs)
    leaks: list[str] = []
    told: set[Overlap] = set()
    for seen, held_out in pairs:
        found = overlaps(seen, held_out)
        possible = [o for o in found if o.kind == "possible patient" and o not in told]
        if possible:
            log.warning("%s If it is one person, say so in other_ids.csv.", overlap_text(seen, held_out, possible))
            told.update(possible)
        for kind in ("patient", "other name", "image"):
            same = [o for o in found if o.kind == kind]
            leaks += [overlap_text(seen, held_out, same)] if same else []
        leaks += [unknown_text(seen, held_out)] if seen.unknown and held_out.patients else []
    if leaks and not allow_leakage:
        raise LeakageError(" ".join(leaks), fix=f"{fix} {_ALLOW}")
    warn_of_leaks(leaks)
    return tuple(leaks)


@dataclass(frozen=True, slots=True)
class FoldExposures:
    """The sides of one fold, and the test split of its data set.

    left_out: what the fold neither trains on nor chooses an epoch by, and predicts: the folds that nested
    cross-validation leaves out.
    """

    training: Exposure
    validation: Exposure
    test: Exposure
    left_out: Exposure = Exposure("the folds left out")

    @classmethod
    def of_cases(
        cls, dataset: str, training: Iterable[LesionCase], validation: Iterable[LesionCase], test: Iterable[LesionCase]
    ) -> FoldExposures:
        """By the patients of the cases alone."""
        sides = [frozenset(f"{dataset}/{case.patient_id}" for case in side) for side in (training, validation, test)]
        return cls(Exposure("training", sides[0]), Exposure("the validation cases", sides[1]),
                   Exposure("the test split", sides[2]))

    @property
    def seen(self) -> Exposure:
        """What training and the choice of the best epoch have seen."""
        return self.training | self.validation

    def check(
        self, *earlier: Exposure, steering: Exposure | None = None, allow_leakage: bool = False
    ) -> tuple[str, ...]:
        """The allowed leaks, as check_apart. earlier: what the weights or features that training starts from have seen.

        Earlier steps may have seen the fold's own sides: pretraining uses the images of all training patients. Whose
        outcomes chose the weights, `steering`, must not be validated on or be left out, as the choice fits these
        outcomes.

        Raises:
            LeakageError: a side has seen another one, or anything has seen the test split.
        """
        pairs = [
            (self.training, self.validation), (self.seen, self.left_out), (self.seen, self.test),
            *((other, self.test) for other in earlier),
        ]
        leaks = check_apart(
            pairs, allow_leakage=allow_leakage,
            fix="Keep all scans and lesions of one patient on one side; pretrain without held-out patients.",
        )
        if steering is None:
            return leaks
        leaks += check_apart(
            [(steering, self.validation)], allow_leakage=allow_leakage,
            fix="Take no encoder of a trained classifier. Pretrain for this fold with --set pretrain.probe.fold=K, K "
                "being its number, under a plan of its own (-p), or for all folds with --set "
                "pretrain.probe.patience=0.",
        )
        return leaks + check_apart(
            [(steering, self.left_out)], allow_leakage=allow_leakage,
            fix="Take no encoder of a trained classifier, and pretrain with --set pretrain.probe.patience=0: any probe "
                "has looked at one of two folds.",
        )


def overlap_text(seen: Exposure, held_out: Exposure, found: Sequence[Overlap]) -> str:
    """One sentence about overlaps of one kind."""
    what = {
        "patient": "patient(s)", "other name": "patient(s) under another name", "image": "image(s)",
        "possible patient": "possibly the same patient(s), by an equal patient_id in two data sets,",
    }[found[0].kind]
    return f"{_start(seen)} has seen {len(found)} {what} of {held_out.name}: {listed(found)}."


def unknown_text(seen: Exposure, held_out: Exposure) -> str:
    """One sentence about patients that cannot be compared."""
    return (
        f"{_start(seen)} has seen {len(seen.unknown)} patient(s) who cannot be compared with {held_out.name}, as an "
        f"older version recorded neither their other names nor their images: {listed(sorted(seen.unknown))}. Make it "
        "again."
    )


def unhashed_text(scans: Collection[str]) -> str:
    """Two sentences about scans that cannot be compared by what they show."""
    return (
        f"{len(scans)} scan(s) could not be compared by image, as an older version preprocessed them: "
        f"{listed(sorted(scans))}. Run rnnet_preprocess on their data sets again, then what was trained on them."
    )


def _say_unhashed(pairs: Iterable[tuple[Exposure, Exposure]]) -> None:
    scans = {scan for pair in pairs if all(side.images for side in pair) for side in pair for scan in side.unhashed}
    if scans:
        log.warning("%s", unhashed_text(scans))


def _start(exposure: Exposure) -> str:
    return exposure.name[:1].upper() + exposure.name[1:]


def warn_of_leaks(leaks: Sequence[str]) -> None:
    """Log leaks that were allowed, so that nobody overlooks them."""
    for leak in leaks:
        log.warning("!!! LEAKAGE, allowed by --allow_leakage: %s", leak)


def same_people(patients: Iterable[str], other_ids: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Each patient_id of a data set to the first of those that are the same person by other_ids.csv."""
    first_with: dict[str, str] = {}
    person: dict[str, str] = {}
    for patient in sorted(set(patients)):
        names = {patient, *other_ids.get(patient, ())}
        same = sorted({person[first_with[name]] for name in names if name in first_with})
        person[patient] = same[0] if same else patient
        for other, owner in person.items():
            if owner in same:
                person[other] = person[patient]
        for name in names:
            first_with.setdefault(name, patient)
    return person


def _patients(seen: Exposure, held_out: Exposure) -> list[Overlap]:
    found = [Overlap("patient", p, p) for p in sorted(seen.patients & held_out.patients)]
    by_name: dict[str, set[str]] = {}
    for patient in seen.patients - held_out.patients:
        for name in _every_name(seen, patient):
            by_name.setdefault(name, set()).add(patient)
    certain: list[Overlap] = []
    possible: list[Overlap] = []
    for patient in sorted(held_out.patients - seen.patients):
        own = held_out.names.get(patient, frozenset())
        others: dict[str, bool] = {}
        for name in _every_name(held_out, patient):
            for other in by_name.get(name, ()):
                is_sure = name in own or name in seen.names.get(other, ())
                others[other] = others.get(other, False) or is_sure
        certain += [Overlap("other name", o, patient) for o, is_sure in sorted(others.items()) if is_sure]
        possible += [Overlap("possible patient", o, patient) for o, is_sure in sorted(others.items())
                     if not is_sure and _dataset(o) != _dataset(patient)]
    return [*found, *certain, *possible]


def _every_name(exposure: Exposure, patient: str) -> frozenset[str]:
    """The patient's names everywhere, his qualified name, and his plain patient_id, which others may have too."""
    return exposure.names.get(patient, frozenset()) | {patient, patient.partition("/")[2] or patient}


def _dataset(qualified: str) -> str:
    return qualified.partition("/")[0]


def _images(seen: Exposure, held_out: Exposure) -> list[Overlap]:
    """By the same place, then by the same digest, then by perceptual hash."""
    pairs = {(scan, scan) for scan in seen.images.keys() & held_out.images.keys()}
    by_hash: dict[str, list[str]] = {}
    for scan, text in _hashes(seen):
        by_hash.setdefault(text, []).append(scan)
    pairs |= {(other, scan) for scan, text in _hashes(held_out) for other in by_hash.get(text, ())}
    left, right = ([(scan, text) for scan, text in _hashes(side) if ":" in text] for side in (seen, held_out))
    if left and right:
        from rnnet.dataset.image_hash import matches

        found = matches([text for _, text in left], [text for _, text in right])
        pairs |= {(left[i][0], right[j][0]) for i, j, _ in found}
    return [Overlap("image", a, b) for a, b in sorted(pairs, key=lambda pair: (pair[1], pair[0]))]


def _hashes(exposure: Exposure) -> list[tuple[str, str]]:
    """(scan, hash); only perceptual hashes have a colon."""
    return [(scan, text) for scan, texts in exposure.images.items() for text in texts.split()]
