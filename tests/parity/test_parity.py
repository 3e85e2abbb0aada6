"""The parity matrix: every row on every column agrees with torch in float64."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from parity.boards import BOARDS
from parity.cases import examples
from parity.columns import (
    COLUMNS,
    RUNTIMES,
    Column,
    Outputs,
    Runtime,
    reference,
    skip_unless,
)
from parity.tolerance import tolerance

from edgesynth.stream import stream

ROWS = tuple(examples())
BLOCKS = (1, 17, 64, 333)


@cache
def expected(row: str) -> Outputs:
    """The row's reference, computed once."""
    return reference(examples()[row])


def worst(row: str, column: Column, got: Outputs) -> float:
    """Largest error over all outputs, the stream's delay taken off; every output has its length."""
    graph = examples()[row].graph
    streamed, error = stream(graph), 0.0
    for port in streamed.outputs:
        want, have = expected(row)[port.name], got[port.name]
        late = 0 if column.offline else streamed.delays[port.name] // streamed.period(port.value)
        count = min(len(want), len(have) - late)
        assert have.shape[1:] == want.shape[1:] and np.isfinite(have).all()
        assert count == len(want) if column.offline else count > 0
        error = max(error, float(np.abs(have[late : late + count] - want[:count]).max()))
    return error


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("column", (*COLUMNS, *BOARDS), ids=lambda c: c.name)
def test_agrees_with_torch(column: Column, row: str) -> None:
    skip_unless(column, row)
    got = column.play(examples()[row])
    allowed = tolerance(row, examples()[row].graph, expected(row))
    assert worst(row, column, got) <= allowed


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("column", RUNTIMES, ids=lambda c: c.name)
def test_any_split_into_blocks_is_bit_identical(column: Runtime, row: str) -> None:
    skip_unless(column, row)
    example = examples()[row]
    period = example.graph.period(example.graph.inputs[0].value)
    longer = example.of(-(-1000 // period) if period < 200 else 6)
    whole = column.play(longer, 10**6)
    for block in BLOCKS:
        got = column.play(longer, block)
        for name, want in whole.items():
            same = got[name].view(np.uint32) == want.view(np.uint32)
            assert same.all(), f"block {block}, {name}: step {int(np.argmin(same.all(1)))}"


def test_the_reference_moves() -> None:
    """No row is compared on silence: each reference has an output that varies or is not zero."""
    for row in ROWS:
        assert any(np.abs(v).max() > 1e-4 for v in expected(row).values()), row
