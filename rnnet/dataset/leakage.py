"""The guard between fitting and evaluation."""

from __future__ import annotations

from collections.abc import Iterable

from rnnet.core.errors import LeakageError


def check_no_shared_patients(train_patients: Iterable[str], held_out_patients: Iterable[str], *, what: str) -> None:
    """Return if no patient stands on both sides. `what` names the step, for the message.

    Raises:
        LeakageError: at least one patient is in both; the first ones are named.
    """
    shared = sorted(set(train_patients) & set(held_out_patients))
    if shared:
        names = ", ".join(shared[:5]) + (", ..." if len(shared) > 5 else "")
        raise LeakageError(
            f"{what}: {len(shared)} patient(s) would be used for fitting and for evaluation: {names}.",
            fix="Keep all scans and lesions of one patient on one side.",
        )
