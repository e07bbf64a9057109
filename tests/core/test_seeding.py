from __future__ import annotations

import pytest

from rnnet.core.errors import UnknownComponentError
from rnnet.core.registry import Registry
from rnnet.core.seeding import rng_for, seed_for


def test_seeds_depend_on_every_name_and_on_nothing_else() -> None:
    assert seed_for(0, "a", 1) == seed_for(0, "a", 1)
    assert len({seed_for(0, "a", 1), seed_for(1, "a", 1), seed_for(0, "b", 1), seed_for(0, "a", 2), seed_for(0)}) == 5
    assert 0 <= seed_for(123, "x") < 2**63


def test_generators_of_one_name_draw_the_same() -> None:
    assert rng_for(0, "a").integers(1 << 30, size=4).tolist() == rng_for(0, "a").integers(1 << 30, size=4).tolist()


def test_a_registry_imports_on_use_and_names_what_it_knows() -> None:
    registry: Registry[object] = Registry("thing", group="rnnet.none", builtin={"seed": "rnnet.core.seeding:seed_for"})
    assert registry.get("seed") is seed_for
    assert list(registry) == ["seed"]
    assert "seed" in registry
    assert "other" not in registry
    with pytest.raises(UnknownComponentError, match="Unknown thing 'sede'"):
        registry.get("sede")
