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

from edgesynth.errors import EdgesynthError
from edgesynth.graph import Graph
from firmware_bridge.library import hooks_path
from firmware_bridge.measure.statistics import whole_blocks

CALLS = 32


def counts(
    artifact: bytes, kernels: str, graph: Graph | None, against: tuple[str, ...], blocks: tuple[int, ...]
) -> dict[tuple[str, int], float]:
    """{(runtime, block): allocator calls per block}, allocations and releases alike; our runtime
    is "edgesynth". Empty where the system cannot preload hooks; EdgesynthError where counting
    failed."""
    hooks = hooks_path()
    if hooks is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.esa").write_bytes(artifact)
        if graph is not None and against:
            from edgesynth.save import save

            save(graph, Path(folder) / "graph")
        job = {"folder": folder, "kernels": kernels, "against": list(against), "blocks": list(blocks)}
        command = [sys.executable, "-m", "firmware_bridge.measure.allocations", json.dumps(job)]
        done = run_hooked(command, hooks)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EdgesynthError(f"allocations were not counted: {last}")
    return {(name, block): n for name, block, n in json.loads(done.stdout.splitlines()[-1])}


def run_hooked(command: list[str], hooks: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with the counting hooks preloaded and this process's import path."""
    environment = dict(
        os.environ, LD_PRELOAD=str(hooks), OMP_NUM_THREADS="1",
        PYTHONPATH=os.pathsep.join(p for p in sys.path if p),
    )
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def counter() -> Callable[[], int]:
    """The hooks' count of allocator calls of this process; EdgesynthError unless preloaded."""
    try:
        count = ctypes.CDLL(None).es_hooks_count
    except AttributeError:
        raise EdgesynthError("the counting hooks are not preloaded in this process") from None
    count.restype = ctypes.c_ulong
    return lambda: int(count())


def per_call(call: Callable[[], None], calls: int = CALLS) -> float:
    """Allocator calls of one `call`, less those of an empty Python call."""
    count = counter()

    def total(function: Callable[[], None]) -> int:
        before = count()
        for _ in range(calls):
            function()
        return count() - before

    total(call)
    return max(0, total(call) - total(lambda: None)) / calls


def worker(job: dict[str, Any]) -> list[tuple[str, int, float]]:
    """Count in this process, into which the hooks were preloaded."""
    from firmware_bridge.measure.ours import Ours
    from firmware_bridge.play import Player

    counter()
    artifact = (Path(job["folder"]) / "model.esa").read_bytes()
    ours = Ours(artifact, Player(artifact).ports, job["kernels"])
    peers = _peers(Path(job["folder"]), job["against"])
    rows: list[tuple[str, int, float]] = []
    for block in job["blocks"]:
        inputs = ours.example(block)
        count = whole_blocks(block, ours.hop, CALLS)
        ours.time(inputs, block, count)
        rows.append(("edgesynth", block, ours.allocations))
        for name, peer in peers.items():
            peer.time(inputs, block, count)
            rows.append((name, block, per_call(peer.call) * peer.calls_per_block))
    return rows


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
