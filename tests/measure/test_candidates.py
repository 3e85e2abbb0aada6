"""Candidates of a comparison are timed in one run, beside validated peers of their own."""

from __future__ import annotations

from typing import Any

import pytest
from measure import small_synth
from measure.test_bench import Exact

from edgesynth.errors import EdgesynthError
from edgesynth.flow._candidates import Candidate, time_candidates
from edgesynth.flow.base import Quiet
from firmware_bridge.measure.peers import PEERS


def candidates() -> list[Candidate]:
    return [Candidate(n, n, None, "dense", small_synth.graph()) for n in ("one", "two")]


def test_each_row_gets_its_times_and_its_peers_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "exact", Exact)
    rows: list[dict[str, Any]] = [{"name": c.name} for c in candidates()]
    time_candidates(candidates(), rows, "host", 64, "exact", Quiet(), seconds=0.05)
    for row in rows:
        assert row["exact_us"] == 10.0 and row["block"] == 64
        assert row["ratio_to_exact"] == pytest.approx(row["mean_us"] / 10.0)
        assert 0 < row["p50_us"] <= row["p99_us"] <= row["worst_us"]


def test_a_peer_that_differs_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Exact):
        wrong = 1e-3

    monkeypatch.setitem(PEERS, "wrong", Wrong)
    with pytest.raises(EdgesynthError, match="not timed"):
        time_candidates(candidates(), [{"name": "one"}, {"name": "two"}], "host", 64, "wrong", Quiet(), 0.05)
