"""Allocator calls inside the timed call, counted in a process of its own with counting hooks."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgesynth.graph import Graph
from firmware_bridge.library import hooks_path
from firmware_bridge.measure.statistics import whole_blocks

CALLS = 32


def counts(
    artifact: bytes, kernels: str, graph: Graph | None, against: tuple[str, ...], blocks: tuple[int, ...]
) -> dict[tuple[str, int], float]:
    """{(runtime, block): allocator calls per block}; empty where hooks cannot be preloaded."""
    hooks = hooks_path()
    if hooks is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.esa").write_bytes(artifact)
        if graph is not None and against:
            from edgesynth.save import save

            save(graph, Path(folder) / "graph")
        job = {"folder": folder, "kernels": kernels, "against": list(against), "blocks": list(blocks), "hooks": str(hooks)}
        environment = dict(os.environ, LD_PRELOAD=str(hooks), OMP_NUM_THREADS="1")
        done = subprocess.run(
            [sys.executable, "-m", "firmware_bridge.measure.allocations", json.dumps(job)],
            capture_output=True, text=True, env=environment, check=False,
        )
    if done.returncode != 0:
        return {}
    return {(name, block): n for name, block, n in json.loads(done.stdout.splitlines()[-1])}


def worker(job: dict[str, Any]) -> list[tuple[str, int, float]]:
    """Count in this process, into which the hooks were preloaded."""
    from firmware_bridge.measure.ours import Ours
    from firmware_bridge.play import Player

    artifact = (Path(job["folder"]) / "model.esa").read_bytes()
    ours = Ours(artifact, Player(artifact).ports, job["kernels"])
    peers = _peers(Path(job["folder"]), job["against"])
    rows: list[tuple[str, int, float]] = []
    for block in job["blocks"]:
        inputs = ours.example(block)
        ours.time(inputs, block, CALLS)
        rows.append(("edgesynth", block, ours.allocations))
        for name, peer in peers.items():
            peer.time(inputs, block, whole_blocks(block, ours.hop, CALLS))
            rows.append((name, block, _per_call(peer.call, job["hooks"]) * peer.calls_per_block))
    return rows


def _per_call(call: Callable[[], None], hooks: str) -> float:
    """Allocator calls of one `call`, less those of an empty Python call."""
    count = ctypes.CDLL(hooks).es_hooks_count
    count.restype = ctypes.c_ulong

    def total(function: Callable[[], None]) -> int:
        before = count()
        for _ in range(CALLS):
            function()
        return int(count() - before)

    total(call)
    return max(0, total(call) - total(lambda: None)) / CALLS


def _peers(folder: Path, names: list[str]) -> dict[str, Any]:
    if not names:
        return {}
    from edgesynth.save import load
    from edgesynth.stream import stream
    from firmware_bridge.measure.peers import PEERS

    graph = load(folder / "graph")
    streamed = graph if graph.streaming else stream(graph)
    return {name: PEERS[name](streamed) for name in names}


if __name__ == "__main__":
    print(json.dumps(worker(json.loads(sys.argv[1]))))
