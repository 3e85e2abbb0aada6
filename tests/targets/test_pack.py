"""Packing: panels and vectors as docs/artifact.md draws them, and back without loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesynth.errors import GraphError
from edgesynth.graph import Param
from edgesynth.ops.base import Pack
from targets.pack import pack, sizes, unpack


def param(shape: tuple[int, ...], fmt: str, seed: int = 0) -> Param:
    rng = np.random.default_rng(seed)
    if fmt == "f32":
        return Param(rng.standard_normal(shape).astype(np.float32))
    n = shape[0] if shape else 1
    return Param(rng.integers(-127, 128, shape), "i8", rng.random(n).astype(np.float32))


@given(
    blocks=st.integers(1, 3),
    part=st.integers(1, 40),
    rest=st.lists(st.integers(1, 9), max_size=2),
    layout=st.sampled_from(["plain", "vector", "panels"]),
    fmt=st.sampled_from(["f32", "i8"]),
)
def test_round_trip(blocks: int, part: int, rest: list[int], layout: str, fmt: str) -> None:
    if layout == "plain":
        blocks = 1
    if layout == "panels" and not rest:
        rest = [5]
    shape = (blocks * part, *([] if layout == "vector" else rest))
    before = param(shape, fmt)
    packed = pack(before, Pack(layout, blocks))
    after = unpack(packed)
    assert after.shape == before.shape and after.format == fmt
    assert np.array_equal(after.array, before.array)
    assert np.array_equal(after.values(), before.values())
    assert (len(packed.data), len(packed.scale)) == sizes(fmt, layout, blocks, shape)


def test_panels_of_a_matrix() -> None:
    """[block][panel][in][16]: the position of every weight, by the formula alone."""
    w = np.arange(2 * 19 * 3, dtype=np.float32).reshape(38, 3) + 1
    flat = np.frombuffer(pack(Param(w), Pack("panels", 2)).data, np.float32)
    assert flat.size == 2 * 32 * 3
    for out in range(38):
        block, row = divmod(out, 19)
        panel, lane = divmod(row, 16)
        for i in range(3):
            assert flat[((block * 2 + panel) * 3 + i) * 16 + lane] == w[out, i]
    assert np.count_nonzero(flat) == w.size


def test_panels_of_a_kernel() -> None:
    """[block][panel][tap][in][16]."""
    w = np.arange(17 * 2 * 3, dtype=np.float32).reshape(17, 2, 3) + 1
    flat = np.frombuffer(pack(Param(w), Pack("panels")).data, np.float32)
    for out, i, tap in np.ndindex(17, 2, 3):
        assert flat[((out // 16 * 3 + tap) * 2 + i) * 16 + out % 16] == w[out, i, tap]
    assert np.count_nonzero(flat) == w.size


def test_a_scalar_is_a_vector_of_one() -> None:
    packed = pack(Param(np.float32(2.5)), Pack("vector"))
    assert len(packed.data) == 64 and unpack(packed).array == np.float32(2.5)


@pytest.mark.parametrize(
    ("shape", "how"),
    [((4,), Pack("panels")), ((4, 2), Pack("vector")), ((4, 2), Pack("panels", 3)),
     ((4, 2), Pack("plain", 2)), ((2, 2, 2, 2), Pack("panels"))],
)
def test_misfits_are_refused(shape: tuple[int, ...], how: Pack) -> None:
    with pytest.raises(GraphError, match="w: "):
        pack(param(shape, "f32"), how, "w")
