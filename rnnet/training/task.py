"""What `fit` needs of a task: batches, a learning rate and losses. The two tasks stand in files of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor


class Task(Protocol):
    """One thing to learn. Everything random in it follows from seed, epoch and step, so it can start anywhere.

    Attributes:
        title: shown at the progress bar.
        device: where the network is.
        optimizer: its groups carry 'scale', their factor of the learning rate.
    """

    title: str
    device: torch.device
    optimizer: torch.optim.Optimizer

    @property
    def part(self) -> Literal["pretrain", "finetune"]:
        """The part of the plan that holds the settings."""
        ...

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """Row numbers of each batch of the epoch; every epoch has the same number of batches."""
        ...

    def begin_epoch(self, epoch: int) -> None:
        """Set up what depends on the epoch, the frozen layers for one."""
        ...

    def learning_rate(self, epoch: int, step: int) -> float:
        """The rate of a step, from its number alone."""
        ...

    def prepare(self, indices: Tensor, epoch: int, step: int) -> Sequence[Any]:
        """The batch with the rows `indices` on the device, augmented, in the parts that are worked on one by one.

        It uses neither the weights nor torch's own generators, so it may run while the step before is under way.
        """
        ...

    def losses(self, part: Any) -> dict[str, Tensor]:
        """Scalars of one part; 'loss' is minimised, the others are shown. Over the parts they sum to the batch's."""
        ...

    def statistics(self) -> Sequence[Tensor]:
        """Tensors that a forward pass changes and no gradient: the running statistics of batch normalisation."""
        ...

    def after_step(self) -> None:
        """Called after each update of the weights."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Figures on validation data; empty without such data."""
        ...

    def score(self, figures: Mapping[str, float]) -> float | None:
        """The number whose minimum selects the best epoch; None without validation data."""
        ...

    def training_state(self) -> dict[str, Any]:
        """State dicts beside the model's own that resuming needs."""
        ...
