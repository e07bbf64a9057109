"""dataset.json: what a raw data set says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rnnet.core.codec import from_plain, read_json
from rnnet.core.errors import DatasetError, FileFormatError, SettingError, did_you_mean
from rnnet.core.volume import IMAGE_ENDINGS
from rnnet.core.workspace import RawLayout

_FIX = "Correct dataset.json; rnnet_verify_dataset_integrity lists everything at once."


@dataclass(frozen=True, slots=True)
class ClinicalColumn:
    """Type of one clinical column of cases.csv. `unit` goes with numeric, `categories` with categorical."""

    type: Literal["numeric", "categorical"]
    unit: str = ""
    # Empty: every text is accepted. Otherwise a text outside the list is a mistake in the table.
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredState:
    """Preprocessing that all scans of the data set have had already."""

    registered: bool = False
    skull_stripped: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """Content of dataset.json.

    outcomes: the two outcomes with their codes 0 and 1. numTraining and numTest count scans (image files).
    information: further columns of cases.csv with their meaning; they are kept with the case and are never features.
    one_head: the images are made from one head, so that what they show does not tell patients apart.
    Only an unlabelled pool may leave `outcomes` and `positive_outcome` out.
    """

    name: str
    channel_names: Mapping[str, str]
    outcomes: Mapping[str, int] = field(default_factory=lambda: {"progression": 0, "radiation_necrosis": 1})
    positive_outcome: str = "radiation_necrosis"
    clinical: Mapping[str, ClinicalColumn] = field(default_factory=dict)
    information: Mapping[str, str] = field(default_factory=dict)
    file_ending: str = ".nii.gz"
    numTraining: int = 0
    numTest: int = 0
    preprocessed: DeclaredState | None = None
    one_head: bool = False
    reference: str = ""
    licence: str = ""

    @property
    def negative_outcome(self) -> str:
        """The outcome that is not the positive one."""
        return next(o for o in self.outcomes if o != self.positive_outcome)

    @property
    def declared(self) -> DeclaredState:
        """The declared preprocessing; nothing where dataset.json is silent."""
        return self.preprocessed or DeclaredState()


def read_manifest(layout: RawLayout) -> Manifest:
    """The checked manifest of a raw data set.

    Raises:
        DatasetError: dataset.json is missing, is not valid JSON, or has a field that does not fit; the message
            names the field.
    """
    path = layout.dataset_json
    if not layout.folder.is_dir():
        raise DatasetError("The data set's folder does not exist.", where=layout.folder, fix="Check its name.")
    if not path.is_file() and layout.conversion_json.is_file():
        raise DatasetError("The conversion of this data set was interrupted.", where=layout.folder,
                           fix="Type the same rnnet_convert_dataset command again; it goes on.")
    if not path.is_file():
        raise DatasetError(
            "dataset.json is missing.", where=path,
            fix="Copy it from rnnet_raw_template/Dataset000_Template and fill it in.",
        )
    try:
        document = read_json(path)
        if layout.cases_csv.is_file() and isinstance(document, Mapping):
            _require_outcomes(document)
        manifest: Manifest = from_plain(Manifest, document)
        _check(manifest)
    except (SettingError, FileFormatError) as error:
        problem = error.problem.replace("The field '' must be", "dataset.json must be")
        raise DatasetError(problem, where=path, fix=error.fix or _FIX) from error
    return manifest


def _require_outcomes(document: Mapping[str, Any]) -> None:
    for key in ("outcomes", "positive_outcome"):
        if key not in document:
            raise SettingError(f"The field '{key}' is missing.", fix="A data set with cases.csv must declare it.")


def _check(manifest: Manifest) -> None:
    """Raise SettingError for values that contradict each other."""
    if not manifest.name:
        raise SettingError("The field 'name' must not be empty.")
    if list(manifest.channel_names) != ["0"]:
        raise SettingError(
            f"The field 'channel_names' must be one channel, for example {{\"0\": \"T1CE\"}}. "
            f"Got {dict(manifest.channel_names)} instead."
        )
    if sorted(manifest.outcomes.values()) != [0, 1]:
        raise SettingError(
            f"The field 'outcomes' must name exactly two outcomes with the codes 0 and 1. "
            f"Got {dict(manifest.outcomes)} instead."
        )
    if manifest.positive_outcome not in manifest.outcomes:
        raise SettingError(
            f"The field 'positive_outcome' must be one of the outcomes. Got '{manifest.positive_outcome}' instead.",
            fix=did_you_mean(manifest.positive_outcome, manifest.outcomes),
        )
    if manifest.file_ending not in IMAGE_ENDINGS:
        raise SettingError(
            f"The field 'file_ending' must be one of {', '.join(IMAGE_ENDINGS)}. Got '{manifest.file_ending}' instead."
        )
    both = sorted(set(manifest.clinical) & set(manifest.information))
    if both:
        raise SettingError(f"The column '{both[0]}' must not stand in both 'clinical' and 'information'.")
    for name, column in manifest.clinical.items():
        if column.type == "numeric" and column.categories:
            raise SettingError(f"The field 'clinical.{name}' must not have categories: its type is numeric.")
        if len(set(column.categories)) != len(column.categories):
            raise SettingError(f"The field 'clinical.{name}.categories' names a category twice.")
