"""Which radiomic features stay the same when the lesion is drawn a little differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.log import get_logger
from rnnet.core.types import LesionCase
from rnnet.core.wording import listed
from rnnet.experiment.corpus import Corpus
from rnnet.features.lesions import LesionReader
from rnnet.features.mask_jitter import JITTERS, JitteredReader
from rnnet.features.radiomics import RadiomicsExtractor
from rnnet.features.radiomics_cache import load_or_extract_rows, radiomics_digest
from rnnet.features.radiomics_rows import ReadInput
from rnnet.features.table import FloatArray
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)

# An agreement over fewer lesions than this says nothing.
FEWEST_LESIONS = 3


@dataclass(frozen=True, slots=True)
class Stability:
    """The agreement of each radiomic feature over the jittered masks of the training lesions of one fold.

    names, icc: (f,); minimum: the plan's; n_lesions: lesions that have radiomics under every mask.
    """

    names: tuple[str, ...]
    icc: tuple[float, ...]
    minimum: float
    n_lesions: int

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the features whose ICC reaches the minimum."""
        return tuple(name for name, icc in zip(self.names, self.icc, strict=True) if icc >= self.minimum)


def stable_features(
    cases: Sequence[LesionCase], corpus: Corpus, store: ScanStore, plan: ExperimentPlan, *, n_processes: int,
    allow_test_cases: bool = False,
) -> Stability:
    """The features that a jitter of the mask leaves alone, measured on these cases: a fold's training lesions only.

    Each lesion is extracted as drawn and with its mask dilated, eroded and shifted by one voxel (three extractions
    more), kept per lesion beside the store's radiomics: another fold takes what is there. The agreement is
    icc_agreement over the four; plan.features.minimum_icc is the least that a feature is kept with.

    Raises:
        LeakageError: a test case is among the cases, unless `allow_test_cases`.
        DatasetError: too few lesions have radiomics under every mask, or no feature is stable enough.
    """
    test = [case.case_id for case in cases if case.split == "test"]
    if test and not allow_test_cases:
        raise LeakageError(f"Test cases must not choose stable features: {listed(test)}.",
                           fix="Measure the stability on cases of the split 'train' only.")
    names = RadiomicsExtractor(plan.features).names
    measured = _jittered_values(cases, LesionReader(corpus, plan.features), store, plan, n_processes)
    # A lesion with a value at all has radiomics; single features may be undefined on it.
    has_values: npt.NDArray[np.bool_] = np.asarray(np.isfinite(measured).any(axis=2))
    complete = has_values.all(axis=1)
    if complete.sum() < FEWEST_LESIONS:
        raise DatasetError(
            f"{int(complete.sum())} of {len(cases)} training lesions have radiomics under every jitter of the mask; "
            f"features.minimum_icc needs {FEWEST_LESIONS}.", fix="Set features.minimum_icc=0, or add larger lesions.",
        )
    icc = icc_agreement(measured[complete])
    found = Stability(names, tuple(icc.tolist()), plan.features.minimum_icc, int(complete.sum()))
    if not found.kept:
        raise DatasetError(f"No radiomic feature has an ICC of {found.minimum:g} or more under a jitter of the mask.",
                           fix="Lower features.minimum_icc, or set it to 0.")
    log.info("Mask jitter of %d training lesions: %d of %d radiomic features have an ICC of %g or more.",
             found.n_lesions, len(found.kept), len(names), found.minimum)
    return found


def icc_agreement(values: FloatArray) -> FloatArray:
    """(f,) intraclass correlation of each feature over lesions and masks: values (n, k, f).

    ICC(2,1) of Shrout and Fleiss (1979), ICC(A,1) of McGraw and Wong (1996): two-way random effects, absolute
    agreement of a single measurement, because a feature that every dilation changes alike is not stable either.
    Lesions with a missing value are left out of that feature. 0 where it is not defined: under FEWEST_LESIONS lesions,
    or a feature that does not vary.
    """
    return np.array([_icc(values[:, :, i]) for i in range(values.shape[2])])


def _icc(values: FloatArray) -> float:
    values = values[np.isfinite(values).all(axis=1)]
    n, k = values.shape
    if n < FEWEST_LESIONS or k < 2:
        return 0.0
    # The ratio has no unit; in units of the spread, the squares of features of 1e12 stay exact.
    spread = float(values.std())
    if spread <= 1e-12 * float(np.abs(values).max()):
        return 0.0
    values = (values - values.mean()) / spread
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    between_rows = k * float(rows @ rows) / (n - 1)
    between_columns = n * float(columns @ columns) / (k - 1)
    rest = values - rows[:, None] - columns[None, :]
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    total = between_rows + (k - 1) * error + k * (between_columns - error) / n
    return float((between_rows - error) / total)


def _jittered_values(
    cases: Sequence[LesionCase], read: ReadInput, store: ScanStore, plan: ExperimentPlan, n_processes: int
) -> FloatArray:
    """(n, 1 + jitters, f) features: as drawn, then with every jitter; NaN where a mask leaves no radiomics."""
    digest = radiomics_digest(plan.features)
    readers: list[tuple[str, str, ReadInput]] = [(digest, "radiomics", read)]
    for jitter in JITTERS:
        reader = JitteredReader(read, jitter, plan.seed)
        readers.append((f"{digest}_{jitter}_{plan.seed}", f"radiomics, mask jitter '{jitter}'", reader))
    values = []
    for name, title, reading in readers:
        rows = load_or_extract_rows(cases, reading, plan.features, path=store.layout.radiomics_csv(name),
                                    n_processes=n_processes, title=title)
        values.append(np.stack([row.values for row in rows]) if rows else np.empty((0, 0)))
    return np.stack(values, axis=1)
