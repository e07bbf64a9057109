"""The one place that calls pyradiomics."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import numpy as np

from rnnet.features.radiomics_settings import TEXTURE_CLASSES, pyradiomics_parameters
from rnnet.features.table import FloatArray
from rnnet.planning.plan import FeaturesPlan

# From this share of filled cells on, going through the filled pairs alone costs more than going through all.
_DENSE = 0.35


def feature_names(plan: FeaturesPlan) -> tuple[str, ...]:
    """Names of the features, <image type>_<class>_<feature> in pyradiomics' spelling, in the order of a row."""
    from radiomics import getFeatureClasses

    images = ["original"]
    if plan.wavelet:
        images += [f"wavelet-{a}{b}{c}" for a in "LH" for b in "LH" for c in "LH"]
    images += [f"log-sigma-{str(float(s)).replace('.', '-')}-mm-3D" for s in plan.log_sigma_mm]
    classes = getFeatureClasses()
    pairs = [("original", "shape"), *((image, texture) for image in images for texture in TEXTURE_CLASSES)]
    return tuple(
        f"{image}_{kind}_{name}" for image, kind in pairs
        for name, deprecated in sorted(classes[kind].getFeatureNames().items()) if not deprecated
    )


@lru_cache(maxsize=8)
def fast_extractor(plan: FeaturesPlan) -> Any:
    """pyradiomics' extractor for images that are cut to the lesion and the filters' reach already.

    It makes every filtered image once, for all classes, as pyradiomics does; it is made once a process, because
    checking the parameters against pyradiomics' schema takes longer than some lesions. It differs in one feature:
    GLCM's MCC, which takes about half of pyradiomics' time, is added up over the filled cells of the matrix only.
    The sums are the same numbers in the same order, so the value is the same to the last bit.
    """
    from radiomics import getFeatureClasses
    from radiomics.featureextractor import RadiomicsFeatureExtractor
    from radiomics.glcm import RadiomicsGLCM

    class Glcm(RadiomicsGLCM):  # type: ignore[misc]
        __module__ = RadiomicsGLCM.__module__  # the name of its log

        def getMCCFeatureValue(self) -> Any:
            cells = self.P_glcm
            if cells.shape[0] != 1 or not np.isfinite(cells).all() or np.count_nonzero(cells) > _DENSE * cells.size:
                return super().getMCCFeatureValue()
            margins = self.coefficients["px"][0, :, 0], self.coefficients["py"][0, 0]
            products = mcc_matrices(cells[0], *margins, self.coefficients["eps"])
            eigenvalues = np.linalg.eigvals(products[None])
            eigenvalues.sort()
            if eigenvalues.shape[2] < 2:
                return 1
            return np.nanmean(np.sqrt(eigenvalues[:, :, -2]), 1).real

    class Extractor(RadiomicsFeatureExtractor):  # type: ignore[misc]
        def computeFeatures(self, image: Any, mask: Any, imageTypeName: str, **kwargs: Any) -> dict[str, Any]:
            classes = {**getFeatureClasses(), "glcm": Glcm}
            return {
                f"{imageTypeName}_{kind}_{name}": value
                for kind in self.enabledFeatures if not kind.startswith("shape")
                for name, value in classes[kind](image, mask, **kwargs).execute().items()
            }

    _quiet()
    parameters = pyradiomics_parameters(plan)
    setting = {k: v for k, v in parameters["setting"].items() if k not in ("preCrop", "padDistance", "normalizeScale")}
    return Extractor({**parameters, "setting": {**setting, "normalize": False}})


def plain_extractor(plan: FeaturesPlan) -> Any:
    """pyradiomics' extractor with the plan's parameters, as a user of pyradiomics would make it."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    _quiet()
    return RadiomicsFeatureExtractor(pyradiomics_parameters(plan))


def mcc_matrices(cells: FloatArray, px: FloatArray, py: FloatArray, eps: float) -> FloatArray:
    """Q (angles, n, n) of the maximal correlation coefficient, for grey-level co-occurrence p (n, n, angles).

    px, py: (n, angles), its sums over the second and the first axis.

    Q(i, j) is the sum over k of p(i, k) p(j, k) / (px(i) py(k) + eps) (Haralick 1973; eps as pyradiomics adds it).
    Only pairs of filled cells are formed. Adding nothing for an empty cell is exact, and np.bincount adds in the order
    of k: the result is that of the plain sum, bit for bit.
    """
    n, _, n_angles = cells.shape
    found = np.empty((n_angles, n, n))
    for angle in range(n_angles):
        k, i = np.nonzero(cells[:, :, angle].T)  # sorted by k
        p = cells[i, k, angle]
        filled = np.bincount(k, minlength=n)
        first_of = np.cumsum(filled) - filled
        partners = filled[k]
        one = np.repeat(np.arange(len(k)), partners)
        other = first_of[k[one]] + np.arange(len(one)) - np.repeat(np.cumsum(partners) - partners, partners)
        terms = p[one] * p[other] / (px[i, angle] * py[k, angle] + eps)[one]
        found[angle] = np.bincount(i[one] * n + i[other], weights=terms, minlength=n * n).reshape(n, n)
    return found


def _quiet() -> None:
    # They log every step at INFO and remarks such as "GLCM is symmetrical" at WARNING, for every image type.
    for noisy in ("radiomics", "pykwalify"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
