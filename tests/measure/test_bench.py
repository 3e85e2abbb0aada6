"""`edgesynth bench`: validated before timed, ratios against the first peer, counts for boards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure import small_synth

from edgesynth.errors import EdgesynthError, InputError
from edgesynth.flow._count import COLUMNS, counted_frames
from edgesynth.flow.base import Quiet
from edgesynth.flow.bench import Bench, measure
from edgesynth.graph import Graph
from edgesynth.save import save
from firmware_bridge.emulate import missing
from firmware_bridge.measure.peers import PEERS
from firmware_bridge.measure.peers.base import Peer
from targets.base import target

BLOCKS = (16, 100)


class Exact(Peer):
    """Plays by our own runtime, `wrong` off, and takes 10 µs a block, one call every hop."""

    wrong = 0.0

    def __init__(self, graph: Graph) -> None:
        self.hop = small_synth.HOP

    def play(self, inputs: Mapping[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
        from firmware_bridge.measure.doors import play
        from firmware_bridge.play import Player

        doors = small_synth.doors()
        return {k: v + self.wrong for k, v in play(Player(small_synth.artifact()), doors, inputs, frames, 48).items()}

    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
        return np.full(blocks, 10.0)

    def call(self) -> None: ...

    @property
    def calls_per_block(self) -> float:
        return 1.0


@pytest.fixture
def no_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers of this file are not known to the process that counts."""
    monkeypatch.setattr("firmware_bridge.measure.allocations.counts", lambda *given: {})


@pytest.mark.usefixtures("no_counting")
def test_rows_and_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "exact", Exact)
    table = measure(small_synth.artifact(), small_synth.graph(), BLOCKS, ("exact",), "scalar", 0.05, Quiet())
    assert [(r["runtime"], r["block"]) for r in table.rows] == [
        (n, b) for b in BLOCKS for n in ("edgesynth (scalar)", "exact")
    ]
    for row in table.rows:
        assert set(table.columns) <= set(row)
        assert row["ratio"] == pytest.approx(row["mean_us"] / 10.0)
        assert row["rtf"] == pytest.approx(row["mean_us"] * 8000 / row["block"] / 1e6)
        assert row["p50_us"] <= row["p99_us"] <= row["worst_us"]
    facts = table.facts
    assert facts["artifact_bytes"] == len(small_synth.artifact())
    assert facts["macs_per_second"] == small_synth.graph().macs_per_second()


@pytest.mark.usefixtures("no_counting")
def test_a_peer_that_plays_something_else_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Exact):
        wrong = 1e-3

        def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
            raise AssertionError("timed before it was validated")

    monkeypatch.setitem(PEERS, "wrong", Wrong)
    with pytest.raises(EdgesynthError, match=r"differs by 0\.001 at port 'audio': not timed"):
        measure(small_synth.artifact(), small_synth.graph(), BLOCKS, ("wrong",), "best", 0.05, Quiet())


def test_an_artifact_alone_is_timed_and_states_its_costs(tmp_path: Path) -> None:
    (tmp_path / "synth.esa").write_bytes(small_synth.artifact())
    table = Bench(str(tmp_path / "synth.esa"), blocks=(64,), seconds=0.05).run(Quiet())
    (row,) = table.rows
    assert row["ratio"] is None and row["mean_us"] > 0
    assert row["allocations"] == 0
    assert table.facts["parameters"] == small_synth.graph().parameter_count()
    with pytest.raises(InputError, match="peers play its Graph"):
        Bench(str(tmp_path / "synth.esa"), against=("onnxruntime",)).run(Quiet())


@pytest.mark.parametrize("blocks", [(0,), (), (64, 70000)])
def test_sizes_are_checked(blocks: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="from 1 to 65536"):
        Bench("ddsp", blocks=blocks).run(Quiet())


@given(block=st.integers(1, 1000), hop=st.integers(1, 500))
def test_counted_frames_hold_whole_hops_and_blocks(block: int, hop: int) -> None:
    frames = counted_frames(block, hop)
    assert frames % block == 0 and frames % hop == 0 and frames >= max(8 * hop, 4 * block)


def test_a_board_is_counted_never_timed(tmp_path: Path) -> None:
    save(small_synth.graph(), tmp_path / "synth")
    place = target("pi4")
    table = Bench(str(tmp_path / "synth"), target="pi4", blocks=(16, 64)).run(Quiet())
    assert table.columns == COLUMNS and not any("us" in c.split("_") for c in table.columns)
    assert table.facts["target"] == "pi4" and table.facts["artifact_bytes"] > 0
    for row in table.rows:
        assert row["runtime"] == "edgesynth (pi4, counted)"
        if missing(place):
            assert row["instructions"] is None and row["note"] == missing(place)
            continue
        assert row["note"] is None
        assert row["instructions_per_second"] == pytest.approx(row["instructions"] * 8000 / row["block"])
        assert row["clock_share"] == pytest.approx(row["instructions_per_second"] / place.clock_hz)


def test_without_an_emulator_the_rest_is_still_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "synth.esa").write_bytes(small_synth.artifact())
    monkeypatch.setattr("firmware_bridge.emulate.shutil.which", lambda name: None)
    table = Bench(str(tmp_path / "synth.esa"), target="bela", blocks=(64,)).run(Quiet())
    (row,) = table.rows
    assert row["instructions"] is None and row["clock_share"] is None
    assert "install" in row["note"]
    assert table.facts["macs_per_second"] == small_synth.graph().macs_per_second()
