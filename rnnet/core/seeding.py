"""Randomness is an argument: every generator is seeded by the plan's seed and the name of its use."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_for(seed: int, *names: object) -> int:
    """A 63-bit seed that depends on every name: seed_for(plan.seed, 'corruption', epoch, step)."""
    text = "/".join(str(n) for n in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def rng_for(seed: int, *names: object) -> np.random.Generator:
    """A numpy generator seeded by seed_for."""
    return np.random.default_rng(seed_for(seed, *names))
