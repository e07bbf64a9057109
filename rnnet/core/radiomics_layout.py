"""File names of radiomics; rnnet.core.layouts says where the folder lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RadiomicsLayout:
    """What rnnet_extract_radiomics writes."""

    folder: Path

    @property
    def radiomics_csv(self) -> Path:
        """The features: a row for every lesion, empty where it has none."""
        return self.folder / "radiomics.csv"

    @property
    def diagnostics_csv(self) -> Path:
        """Of every lesion, why it has no radiomics, and pyradiomics' own diagnostics."""
        return self.folder / "diagnostics.csv"

    @property
    def parameters_yaml(self) -> Path:
        """The settings as pyradiomics reads them."""
        return self.folder / "pyradiomics.yaml"

    @property
    def run_json(self) -> Path:
        """The plan, the preset and the versions."""
        return self.folder / "run.json"

    def exported_image(self, scan_id: str) -> Path:
        """A preprocessed scan as pyradiomics' own command line takes it."""
        return self.folder / "pyradiomics" / f"{scan_id}_image.nii.gz"

    def exported_mask(self, case_id: str) -> Path:
        """The mask of one lesion on that scan's grid."""
        return self.folder / "pyradiomics" / f"{case_id}_mask.nii.gz"


def radiomics_diagnostics(table: Path) -> Path:
    """Beside a table of radiomics: pyradiomics' own diagnostics of its lesions."""
    return table.with_suffix(".diagnostics.csv")
