from __future__ import annotations

import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnet.training.order import epoch_order, fixed_shuffle, stratified_order


def test_the_order_covers_every_row_and_follows_seed_and_epoch() -> None:
    first = epoch_order(10, 4, 7, 0)
    assert sorted(torch.cat(first).tolist()) == list(range(10))
    assert [len(b) for b in first] == [4, 4, 2]
    assert all(torch.equal(a, b) for a, b in zip(first, epoch_order(10, 4, 7, 0), strict=True))
    assert torch.cat(first).tolist() != torch.cat(epoch_order(10, 4, 7, 1)).tolist()
    assert torch.cat(first).tolist() != torch.cat(epoch_order(10, 4, 8, 0)).tolist()


def test_a_last_batch_of_one_row_is_left_out_but_an_only_batch_is_kept() -> None:
    assert [len(b) for b in epoch_order(9, 4, 0, 0)] == [4, 4]
    assert len({int(r) for e in range(20) for r in torch.cat(epoch_order(9, 4, 0, e))}) == 9
    assert [len(b) for b in epoch_order(1, 4, 0, 0)] == [1]


@given(
    n=st.integers(1, 60), share=st.integers(1, 5), processes=st.integers(1, 4), seed=st.integers(0, 9),
    epoch=st.integers(0, 9),
)
def test_each_row_comes_once_an_epoch_and_each_batch_has_as_many_rows_of_every_process(
    n: int, share: int, processes: int, seed: int, epoch: int
) -> None:
    batch_size = share * processes
    assume(batch_size > 1)
    batches = stratified_order(n, batch_size, seed, epoch)
    rows = torch.cat(batches).tolist()
    left_out = n % batch_size == 1 and n > batch_size
    assert len(rows) == len(set(rows)) == n - left_out
    assert set(rows) <= set(range(n))
    assert [len(b) for b in batches[:-1]] == [batch_size] * (len(batches) - 1)
    for batch in batches:
        assert len({row % batch_size for row in batch.tolist()}) == len(batch)
        held = [int((batch % processes == rank).sum()) for rank in range(processes)]
        assert max(held) - min(held) <= (len(batch) % processes > 0)


def test_the_classes_are_shuffled_by_seed_and_epoch() -> None:
    orders = [torch.cat(stratified_order(40, 4, *key)).tolist() for key in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert orders[0] == orders[3]
    assert len({tuple(order) for order in orders}) == 3
    left_out = {tuple(sorted(torch.cat(stratified_order(9, 4, 0, epoch)).tolist())) for epoch in range(20)}
    assert len(left_out) == 3  # the rows of the class that has one more than the others


def test_the_fixed_shuffle_is_a_permutation_of_the_seed() -> None:
    assert sorted(fixed_shuffle(20, 3)) == list(range(20))
    assert fixed_shuffle(20, 3) == fixed_shuffle(20, 3) != fixed_shuffle(20, 4)
