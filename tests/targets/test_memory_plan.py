"""The arena: values that are live at one node never share memory."""

from hypothesis import given
from hypothesis import strategies as st

from targets.memory import Live, lifetimes, place

Net = tuple[list[int], list[tuple[list[int], list[int]]], list[int], list[int]]


@st.composite
def nets(draw: st.DrawFn) -> Net:
    """(floats per value, nodes as (inputs, outputs), input values, output values)."""
    count = draw(st.integers(1, 3))
    made = list(range(count))
    nodes = []
    for _ in range(draw(st.integers(1, 12))):
        reads = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
        writes = list(range(len(made), len(made) + draw(st.integers(1, 2))))
        nodes.append((reads, writes))
        made += writes
    outputs = draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True))
    sizes = draw(st.lists(st.integers(1, 400), min_size=len(made), max_size=len(made)))
    return sizes, nodes, list(range(count)), outputs


@given(nets())
def test_replay_finds_every_value_intact(net: Net) -> None:
    """Running the net on the arena, each value still holds its own number when it is read."""
    sizes, nodes, inputs, outputs = net
    offsets, total = place(lifetimes(sizes, nodes, inputs, outputs))
    arena = [-1] * total
    assert all(o % 16 == 0 and o + n <= total for o, n in zip(offsets, sizes))

    def intact(v: int) -> bool:
        return all(x == v for x in arena[offsets[v] : offsets[v] + sizes[v]])

    def fill(v: int) -> None:
        arena[offsets[v] : offsets[v] + sizes[v]] = [v] * sizes[v]

    for v in inputs:
        fill(v)
    for reads, writes in nodes:
        for v in writes:
            fill(v)
        assert all(map(intact, reads)), "an input is overwritten before or while it is read"
        assert all(map(intact, writes))
    assert all(map(intact, outputs)), "an output port is overwritten"


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_no_two_live_values_overlap(rows: list[tuple[int, int, int]]) -> None:
    lives = [Live(n, min(a, b), max(a, b)) for n, a, b in rows]
    offsets, _ = place(lives)
    for i, a in enumerate(lives):
        for j, b in enumerate(lives[:i]):
            apart = offsets[i] + a.floats <= offsets[j] or offsets[j] + b.floats <= offsets[i]
            assert apart or not a.meets(b)


def test_a_chain_takes_two_buffers() -> None:
    nodes = [([i], [i + 1]) for i in range(9)]
    _, total = place(lifetimes([64] * 10, nodes, [0], [9]))
    assert total == 128
