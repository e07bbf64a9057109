"""How exactly rnnet's statistics agree with R's pROC, scipy, statsmodels, dcurves and crepes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from rnnet.benchmark.statistics_cases import (
    ALPHAS,
    CUTS,
    FOLDS_A,
    FOLDS_B,
    LEVELS,
    N_TEST,
    N_TRAIN,
    P_VALUES,
    ScoredCase,
    made_up_cases,
)
from rnnet.benchmark.statistics_peers import PEERS
from rnnet.benchmark.statistics_r import Values, parse_reference, run_r
from rnnet.core.errors import SettingError
from rnnet.evaluation import (
    calibration_slope_intercept,
    conformal_set,
    delong_ci,
    delong_test,
    holm,
    nadeau_bengio_ttest,
    net_benefit,
    obuchowski_auc,
    youden_threshold,
)

AIM = 1e-6


@dataclass(frozen=True, slots=True)
class Agreement:
    """One peer: how many values it shares with rnnet and the largest difference; `missing` says why there are none."""

    peer: str
    n_values: int = 0
    largest: float = 0.0
    where: str = ""
    missing: str = ""

    @property
    def good(self) -> bool:
        """Whether all values agree to six digits; vacuous without the peer."""
        return self.largest <= AIM


def measure_agreement(rscript: Path | None, seed: int = 0) -> tuple[Agreement, ...]:
    """Of every peer that is there, on made-up scores. rscript: R's command; None leaves pROC out.

    Raises:
        MissingDependencyError: R has no pROC.
    """
    cases = made_up_cases(seed)
    own = rnnet_values(cases)
    found = []
    if rscript is None:
        found.append(Agreement("R, pROC", missing="there is no Rscript on the path"))
    else:
        versions, values = parse_reference(run_r(cases, rscript))
        found.append(compare_values(versions, own, values))
    for name, peer in PEERS.items():
        found.append(_of_library(name, peer, cases, own))
    return tuple(found)


def compare_values(peer: str, own: Values, values: Values) -> Agreement:
    """The largest difference to the peer's values, all of which rnnet must have."""
    lacking = sorted(set(values) - set(own))
    if lacking:
        raise SettingError(f"rnnet has no value for {lacking[0]}, which {peer} has.")
    differences = {key: abs(own[key] - value) for key, value in values.items()}
    worst = max(differences, key=lambda key: differences[key])
    return Agreement(peer, len(differences), differences[worst], " ".join(worst))


def rnnet_values(cases: Sequence[ScoredCase]) -> Values:
    """Everything that a peer may have, by (case, name)."""
    values: Values = {}
    for case in cases:
        values |= {(case.name, name): value for name, value in _of_case(case).items()}
    folds = nadeau_bengio_ttest(FOLDS_A, FOLDS_B, N_TRAIN, N_TEST)
    values |= {("folds", name): getattr(folds, name) for name in ("t", "t_uncorrected", "p_uncorrected")}
    values["folds", "p"] = folds.p_value
    return values | {("holm", f"p{i}"): p for i, p in enumerate(holm(P_VALUES), start=1)}


def _of_case(case: ScoredCase) -> dict[str, float]:
    test = delong_test(case.y, case.a, case.b)
    clustered = obuchowski_auc(case.y, case.a, case.group)
    threshold = youden_threshold(case.y, case.a)
    called = case.a >= threshold
    values = {
        "auc_a": test.auc_a, "auc_b": test.auc_b, "z": test.z, "p": test.p_value,
        "variance_a": delong_ci(case.y, case.a).standard_error ** 2, "obuchowski_variance": clustered.variance,
        "youden": float(called[case.y == 1].mean() - called[case.y == 0].mean()),
    }
    for level in LEVELS:
        interval = delong_ci(case.y, case.a, level)
        values |= {f"low_{level:g}": interval.low, f"high_{level:g}": interval.high}
    if case.has_line:
        line = calibration_slope_intercept(case.y, case.a)
        values |= {"calibration_slope": line.slope, "calibration_intercept": line.intercept,
                   "in_the_large": line.in_the_large}
    values |= {f"net_benefit_{cut:g}": float(net_benefit(case.y, case.a, cut)) for cut in CUTS}
    for alpha in ALPHAS:
        possible = conformal_set(case.y, case.a, case.b, alpha=alpha)
        values |= {f"conformal_{alpha:g}_{i}_{k}": float(possible[i, k]) for i in range(len(case.b)) for k in (0, 1)}
    return values


def _of_library(
    name: str, peer: Callable[[Sequence[ScoredCase]], Values], cases: Sequence[ScoredCase], own: Values
) -> Agreement:
    try:
        text = f"{name} {version(name)}"
        values = peer(cases)
    except (ImportError, PackageNotFoundError) as error:
        return Agreement(name, missing=f"not installed ({error})")
    return compare_values(text, own, {key: v for key, v in values.items() if np.isfinite(v)})
