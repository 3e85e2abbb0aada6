"""Any split of every row into blocks gives the same bits on boards' builds."""

from __future__ import annotations

import numpy as np
import pytest
from parity.boards import BOARDS, Board
from parity.cases import examples
from parity.columns import skip_unless

BLOCKS = (1, 17, 64, 333)


@pytest.mark.parametrize("column", BOARDS, ids=lambda c: c.name)
def test_any_split_into_blocks_is_bit_identical(column: Board) -> None:
    skip_unless(column)
    rows = []
    for example in examples().values():
        period = example.graph.period(example.graph.inputs[0].value)
        rows.append(example.of(-(-350 // period) if period < 200 else 4))
    plays = [(example, block) for example in rows for block in (2000, *BLOCKS)]
    made = iter(column.play_all(plays))
    for example in rows:
        whole = next(made)
        for block in BLOCKS:
            got = next(made)
            for name, want in whole.items():
                same = got[name].view(np.uint32) == want.view(np.uint32)
                step = int(np.argmin(same.all(1)))
                assert same.all(), f"{example.name}, block {block}, {name}: step {step}"
