"""Allocator calls inside the timed call, counted in a process of its own with counting hooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from edgesynth.graph import Graph
from firmware_bridge.library import hooks_path

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


def worker(job: dict[str, object]) -> list[tuple[str, int, float]]:
    """Count in this process, into which the hooks were preloaded."""
    import ctypes

    from firmware_bridge.measure.ours import Ours
    from firmware_bridge.play import Player

    count = ctypes.CDLL(str(job["hooks"])).es_hooks_count
    count.restype = ctypes.c_ulong
    folder = Path(str(job["folder"]))
    artifact = (folder / "model.esa").read_bytes()
    ours = Ours(artifact, Player(artifact).doors(), str(job["kernels"]))
    rows: list[tuple[str, int, float]] = []
    blocks = [int(b) for b in job["blocks"]]  # type: ignore[attr-defined]
    for block in blocks:
        inputs = ours.example(block)
        call = ours.prepared(inputs, block, CALLS)
        call()
        before = count()
        call()
        # the counter's own ctypes calls and the Python call around the loop do not grow with CALLS
        once = count() - before
        idle = count()
        idle = count() - idle
        rows.append(("edgesynth", block, max(0, once - idle - call.overhead(count)) / CALLS))
    against = [str(a) for a in job["against"]]  # type: ignore[attr-defined]
    if against:
        rows += _peer_rows(folder, against, blocks, ours, count)
    return rows
