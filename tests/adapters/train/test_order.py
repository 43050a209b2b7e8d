"""The order of training is a function of rows and seed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from polycypher.adapters.train.order import Order
from polycypher.adapters.train.packing import TrainingRow

rows = st.lists(
    st.builds(
        TrainingRow,
        st.sampled_from([(1,), (1, 2), (3,)]),
        st.tuples(st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.integers(0, 9)),
    ),
    min_size=1,
    max_size=30,
)


@given(rows, st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_every_epoch_takes_every_row_once(
    rows: list[TrainingRow], rows_a_pack: int, packs_a_step: int, epochs: int
) -> None:
    order = Order(rows, rows_a_pack=rows_a_pack, packs_a_step=packs_a_step, epochs=epochs, seed=3)
    taken: Counter[TrainingRow] = Counter()
    for number in range(order.steps):
        packs = order.step(number)
        assert 1 <= len(packs) <= packs_a_step
        for pack in packs:
            assert len(pack) <= rows_a_pack
            assert len({row.prefix for row in pack}) == 1
            taken.update(pack)
    assert taken == Counter({row: epochs * count for row, count in Counter(rows).items()})


@given(rows, st.randoms(use_true_random=False))
def test_a_step_does_not_depend_on_the_steps_before(rows: list[TrainingRow], chooser: object) -> None:
    def order() -> Order:
        return Order(rows, rows_a_pack=2, packs_a_step=2, epochs=2, seed=1)

    forward = order()
    steps = [forward.step(number) for number in range(forward.steps)]
    backward = order()
    assert [backward.step(number) for number in reversed(range(backward.steps))] == steps[::-1]


def test_a_pack_keeps_within_its_tokens() -> None:
    rows = [TrainingRow((1,) * 10, (n,) * 5, (1,)) for n in range(8)]
    order = Order(rows, rows_a_pack=8, packs_a_step=1, epochs=1, seed=0, tokens_a_pack=30)
    assert [len(order.step(number)[0]) for number in range(order.steps)] == [3, 3, 2]
