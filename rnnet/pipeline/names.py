"""How the functions of the pipeline are told which data sets they work on."""

from __future__ import annotations

from collections.abc import Sequence

# By number or full name.
Datasets = Sequence[int | str]
