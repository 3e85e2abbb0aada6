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


@pytest.mark.parametrize("column", BOARDS, ids=lambda c: c.name)
def test_notes_and_ramps_inside_blocks_are_bit_identical(column: Board) -> None:
    skip_unless(column)
    from edgesynth.flow.api import export_bytes
    from edgesynth.models.ddsp import DDSP
    from firmware_bridge.emulate import Job, play_jobs
    from firmware_bridge.events import Event
    from firmware_bridge.play import Player

    artifact = export_bytes(DDSP(hidden=7, harmonics=6, bands=5).build()["decoder"], golden=False)
    player = Player(artifact, kernels="scalar")
    frames = 2000
    script = [
        Event(3, "note_on", 50, 0.9), Event(70, "bend", 0, 0.7), Event(333, "cc", 11, 0.2),
        Event(334, "control", "f0", 500.0, ramp=700.0), Event(901, "note_on", 62, 0.6),
        Event(1203, "note_off", 62), Event(1204, "control", "loudness", -6.0, ramp=0.0),
    ]
    inputs = {p.name: np.zeros((1, frames), np.float32) for p in player.inputs}
    jobs = [Job(artifact, player.ports, inputs, frames, b, script) for b in BLOCKS]
    sounds = [made["audio"][0] for made in play_jobs(column.board, jobs)]
    want = player.process({}, events=script, frames=frames)
    assert np.abs(want).max() > 0.005
    assert np.abs(sounds[0] - want).max() <= 1e-5 * np.abs(want).max() + 1e-7
    for sound in sounds[1:]:
        assert np.array_equal(sound.view(np.uint32), sounds[0].view(np.uint32))
