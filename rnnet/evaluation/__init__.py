"""Arrays in, numbers out: metrics and statistics, usable on the scores of any model."""

from rnnet.evaluation.calibration import calibration_slope_intercept
from rnnet.evaluation.conformal import conformal_set
from rnnet.evaluation.decision_curve import decision_curve, net_benefit
from rnnet.evaluation.delong import delong_ci, delong_test
from rnnet.evaluation.fold_tests import holm, nadeau_bengio_ttest
from rnnet.evaluation.obuchowski import obuchowski_auc
from rnnet.evaluation.statistics import clustered_bootstrap
from rnnet.evaluation.threshold import sensitivity_threshold, youden_threshold

__all__ = [
    "calibration_slope_intercept",
    "clustered_bootstrap",
    "conformal_set",
    "decision_curve",
    "delong_ci",
    "delong_test",
    "holm",
    "nadeau_bengio_ttest",
    "net_benefit",
    "obuchowski_auc",
    "sensitivity_threshold",
    "youden_threshold",
]
