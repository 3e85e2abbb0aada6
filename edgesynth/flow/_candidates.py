"""Candidates of a comparison: artifacts judged on held-out notes and timed in one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np

from edgesynth.flow._peers import validated_peer
from edgesynth.flow.api import export_bytes
from edgesynth.flow.base import UI
from edgesynth.graph import Graph
from edgesynth.models.base import Model


@dataclass(frozen=True, eq=False)
class Candidate:
    """One net of a comparison. `arm` names how it came to be, `seed` its retraining."""

    name: str
    arm: str
    seed: int | None
    stage: str
    graph: Graph


def runtime_render(artifact: bytes, hops: Mapping[str, int], block: int = 512) -> Any:
    """render(ports) of `Model.evaluate` through the C runtime: the artifact that ships, its latency
    taken off. hops: frames per step by input port."""
    from firmware_bridge.play import Player

    player = Player(artifact)

    def render(ports: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        player.reset()
        held = {k: np.repeat(np.asarray(v, np.float32), hops[k], axis=-1) for k, v in ports.items()}
        frames = min(v.shape[-1] for v in held.values())
        tail = player.latency
        held = {
            k: np.concatenate([v, np.repeat(v[..., -1:], tail, axis=-1)], axis=-1)
            for k, v in held.items()
        }
        parts = []
        for start in range(0, frames + tail, block):
            n = min(block, frames + tail - start)
            out = player.process(
                {k: v[..., start : start + n] for k, v in held.items()}, frames=n, clip=True
            )
            parts.append(np.array(next(iter(out.values())) if isinstance(out, dict) else out))
        name = next(p.name for p in player.ports if p.direction == "out")
        return {name: np.concatenate(parts, axis=-1)[..., tail:]}

    return render


def judge(
    candidates: Sequence[Candidate],
    model: Model,
    data: Any,
    target: str,
    ui: UI,
    split: str = "test",
) -> list[dict[str, Any]]:
    """One row a candidate: sizes, costs and held-out errors of its artifact in the C runtime."""
    rows = []
    for number, candidate in enumerate(candidates):
        graph = candidate.graph
        artifact = export_bytes(graph, target)
        hops = {p.name: graph.period(p.value) for p in graph.inputs}
        errors = model.evaluate(runtime_render(artifact, hops), data, split)
        network, synthesis = split_macs(graph)
        rows.append(
            {
                "name": candidate.name,
                "arm": candidate.arm,
                "seed": candidate.seed,
                "stage": candidate.stage,
                "bytes": len(artifact),
                "parameters": graph.parameter_count(),
                "network_macs": network,
                "synthesis_macs": synthesis,
                **errors,
            }
        )
        ui.progress("held-out notes through the runtime", number + 1, len(candidates))
    return rows


SYNTHESIS = ("harmonic", "noise", "fir")


def split_macs(graph: Graph) -> tuple[float, float]:
    """Multiply-adds per second of the trained layers, and of the synthesis ops behind them."""
    from edgesynth.ops import OPS

    network = synthesis = 0.0
    for node in graph.nodes:
        cost = OPS[node.op].macs(node, graph) * (graph.rate or 1.0) / graph.period(node.outputs[0])
        if node.op in SYNTHESIS:
            synthesis += cost
        else:
            network += cost
    return network, synthesis


def time_candidates(
    candidates: Sequence[Candidate],
    rows: list[dict[str, Any]],
    target: str,
    block: int,
    against: str | None,
    ui: UI,
    seconds: float = 1.0,
) -> None:
    """Add block times to the rows, all candidates (and the peer's of each) interleaved in one run;
    every peer is first shown to play the same."""
    from firmware_bridge.measure.interleave import interleave
    from firmware_bridge.measure.ours import Ours
    from firmware_bridge.play import Player

    runners: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    hops: list[int] = []
    for c in candidates:
        artifact = export_bytes(c.graph, target, golden=False)
        player = Player(artifact)
        ours = Ours(artifact, player.ports)
        hops.append(ours.hop)
        runners[c.name] = ours
        inputs[c.name] = ours.example(block)
        if against:
            runners[f"{against}: {c.name}"] = validated_peer(against, c.graph, player, ours.hop)
            inputs[f"{against}: {c.name}"] = inputs[c.name]
    rate = float(candidates[0].graph.rate or 48000.0)
    timed = interleave(runners, inputs, block, lcm(*hops), rate, seconds, progress=ui.progress)
    for row in rows:
        own = timed[row["name"]]
        row |= {
            "mean_us": own.mean_us,
            "p50_us": own.p50_us,
            "p99_us": own.p99_us,
            "worst_us": own.worst_us,
            "rtf": own.rtf,
            "rtf_p99": own.rtf_p99,
            "block": block,
        }
        if against:
            peer = timed[f"{against}: {row['name']}"]
            row |= {
                f"{against}_us": peer.mean_us,
                f"ratio_to_{against}": own.mean_us / peer.mean_us,
            }


def multipliers(rows: list[dict[str, Any]], dense: dict[str, Any]) -> None:
    """Add how much smaller, lighter, faster and worse each row is than the dense one."""
    for row in rows:
        row["smaller"] = dense["bytes"] / row["bytes"]
        row["fewer_macs"] = dense["network_macs"] / max(row["network_macs"], 1e-9)
        if "mean_us" in row and "mean_us" in dense:
            row["faster"] = dense["mean_us"] / row["mean_us"]
        for key in ("band_error", "spectral_convergence", "log_spectral_distance"):
            if key in row and key in dense:
                row[f"{key}_ratio"] = row[key] / dense[key]


def file_name(name: str) -> str:
    """A candidate's name as a file name."""
    return "-".join("".join(c if c.isalnum() else " " for c in name).split())


def write_artifacts(candidates: Sequence[Candidate], target: str, folder: Path) -> None:
    """One .esa a candidate, named after it."""
    from edgesynth.flow._open import write_atomic

    for c in candidates:
        write_atomic(folder / f"{file_name(c.name)}.esa", export_bytes(c.graph, target))
