from __future__ import annotations

import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor

import pytest

from rnnet.core import errors
from rnnet.core.errors import CaseFailedError, DatasetError, RnnetError, UnknownComponentError

KINDS = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, RnnetError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_crosses_process_borders_whole(kind: type[RnnetError]) -> None:
    error = kind("The mask is empty.", where="a.nii.gz", fix="Draw it.")
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is kind
    assert (copied.problem, copied.where, copied.fix) == ("The mask is empty.", "a.nii.gz", "Draw it.")
    assert str(copied) == "The mask is empty. [a.nii.gz] Draw it."


def test_an_error_has_no_empty_parts_in_its_text() -> None:
    assert str(DatasetError("No cases.")) == "No cases."
    assert str(DatasetError("No cases.", fix="Add some.")) == "No cases. Add some."


def fail(_: int) -> None:
    raise CaseFailedError("No lesion.", where=tempfile.gettempdir(), fix="Skip it.")


def test_an_error_raised_in_a_worker_arrives_with_its_parts() -> None:
    with ProcessPoolExecutor(1) as pool, pytest.raises(CaseFailedError) as caught:
        pool.submit(fail, 0).result()
    assert caught.value.fix == "Skip it."


def test_a_near_name_is_suggested_and_otherwise_all_are_listed() -> None:
    near = UnknownComponentError.of("fusion head", "mpl", ["mlp", "logistic"])
    assert str(near) == "Unknown fusion head 'mpl'. Did you mean 'mlp'?"
    assert UnknownComponentError.of("fusion head", "zzz", ["mlp", "logistic"]).fix == "Known: logistic, mlp."


