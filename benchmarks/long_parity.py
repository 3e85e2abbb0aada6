"""A minute of streaming from a running state: C on every instruction set against torch.

    python -m benchmarks.long_parity [--seconds 60] [--out benchmarks/results/long_parity.json]

The bundled synth plays one second first, so that the minute starts from a state that is not zero.
Bars: largest error at most 1e-4, SNR at least 80 dB, at a peak of at least 0.5; blocks of 1, 17,
64 and 333 bit-identical, with notes, bends and ramped controls that fall inside blocks.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np

BLOCKS = (1, 17, 64, 333)
ERROR, SNR, PEAK = 1e-4, 80.0, 0.5


def curves(rate: float, hop: int, seconds: float) -> dict[str, np.ndarray]:
    """f0 and loudness per hop, (1, steps): loud, moving, with jumps, silences and extremes."""
    steps = round(seconds * rate / hop)
    t = np.arange(steps) * hop / rate
    note = np.floor(t / 0.7)
    f0 = 110.0 * 2.0 ** ((note * 7 % 36) / 12) * 2.0 ** (0.3 / 12 * np.sin(2 * np.pi * 5.3 * t))
    f0[note % 23 == 11] = 3900.0
    f0[note % 23 == 17] = 25.0
    loudness = -14.0 + 12.0 * np.sin(2 * np.pi * 0.31 * t)
    loudness[note % 9 == 4] = -80.0
    return {"f0": f0[None].astype(np.float32), "loudness": loudness[None].astype(np.float32)}


def compare(got: np.ndarray, want: np.ndarray) -> dict[str, Any]:
    """Largest error, SNR and peak of one minute."""
    error = got.astype(np.float64) - want
    power, noise = float((want.astype(np.float64) ** 2).sum()), float((error**2).sum())
    row = {
        "max_abs_error": float(np.abs(error).max()),
        "snr_db": 10 * np.log10(power / noise) if noise else float("inf"),
        "peak": float(np.abs(want).max()),
    }
    row["ok"] = row["max_abs_error"] <= ERROR and row["snr_db"] >= SNR and row["peak"] >= PEAK
    return row


def events(frames: int, rate: float, seed: int = 5) -> list[tuple[int, str, Any, float]]:
    """(frame, kind, target, value): about nine a second, at any frame."""
    rng = np.random.default_rng(seed)
    made: list[tuple[int, str, Any, float]] = []
    held = 57
    for frame in sorted(rng.integers(0, frames, round(9 * frames / rate)).tolist()):
        kind = ("note_on", "note_off", "cc", "bend", "control")[int(rng.integers(5))]
        if kind == "note_on":
            held = int(rng.integers(36, 84))
            made.append((frame, kind, held, float(rng.uniform(0.2, 1.0))))
        elif kind == "note_off":
            made.append((frame, kind, held, 0.0))
        elif kind == "cc":
            made.append((frame, kind, 11, float(rng.uniform())))
        elif kind == "bend":
            made.append((frame, kind, 0, float(rng.uniform(-1, 1))))
        else:
            made.append((frame, kind, "f0", float(rng.uniform(60, 2000))))
    return made


def played_by_events(artifact: bytes, kernels: str, block: int, frames: int) -> np.ndarray:
    """The audio of `events`, fed in blocks."""
    from firmware_bridge.events import Event
    from firmware_bridge.play import Player

    player = Player(artifact, kernels=kernels)
    script, parts, at = events(frames, player.rate), [], 0
    for start in range(0, frames, block):
        n = min(block, frames - start)
        now = []
        while at < len(script) and script[at][0] < start + n:
            frame, kind, target, value = script[at]
            now.append(Event(frame - start, kind, target, value))
            at += 1
        parts.append(player.process({}, events=now, frames=n))
    return np.concatenate(parts)


def measure(seconds: float, emulate: Sequence[str]) -> dict[str, Any]:
    """The table of all instruction sets here and in emulators."""
    import torch

    import edgesynth
    from edgesynth.flow._drive import reference
    from edgesynth.flow.api import export_bytes
    from edgesynth.stream import stream
    from firmware_bridge.emulate import Job, play_emulated, play_jobs
    from firmware_bridge.events import Event
    from firmware_bridge.library import available_kernels
    from firmware_bridge.measure.doors import doors_of, play
    from firmware_bridge.play import Player

    torch.set_num_threads(1)
    graph = stream(edgesynth.load("ddsp"))
    doors, rate = doors_of(graph), float(graph.rate or 0)
    hop = graph.period("f0")
    frames, lead = round((seconds + 1) * rate) // hop * hop, round(rate) // hop * hop
    inputs = curves(rate, hop, frames / rate)
    want = reference(graph, inputs)["audio"][0]
    artifact = export_bytes(graph, golden=False)
    rows = []
    for kernels in available_kernels():
        sounds = {
            b: play(Player(artifact, kernels=kernels), doors, inputs, frames, b)["audio"][0]
            for b in BLOCKS
        }
        noted = {b: played_by_events(artifact, kernels, b, round(10 * rate)) for b in BLOCKS}
        rows.append({
            "kernels": kernels, **compare(sounds[64][lead:], want[lead:]),
            "blocks_identical": all(np.array_equal(sounds[64], s) for s in sounds.values()),
            "events_identical": all(np.array_equal(noted[64], s) for s in noted.values()),
            "events_peak": float(np.abs(noted[64]).max()),
        })
    for name in emulate:
        whole = play_emulated(name, artifact, doors, inputs, frames, 64)["audio"][0]
        short = round(3 * rate) // hop * hop
        pieces = [play_emulated(name, artifact, doors, inputs, short, b)["audio"][0] for b in BLOCKS]
        script = [Event(f, kind, target, value) for f, kind, target, value in events(short, rate)]
        jobs = [Job(artifact, doors, inputs, short, b, script) for b in BLOCKS]
        noted = [out["audio"][0] for out in play_jobs(name, jobs)]
        rows.append({
            "kernels": f"neon ({name}, emulated)", **compare(whole[lead:], want[lead:]),
            "blocks_identical": all(np.array_equal(whole[:short], p) for p in pieces),
            "events_identical": all(np.array_equal(noted[0], s) for s in noted),
            "events_peak": float(np.abs(noted[0]).max()),
        })
    return {"seconds": seconds, "bars": {"max_abs_error": ERROR, "snr_db": SNR, "peak": PEAK}, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--emulate", default="pi4,bela", help="boards to run in an emulator")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = measure(options.seconds, [n for n in options.emulate.split(",") if n])
    text = json.dumps({"command": "python -m benchmarks.long_parity", **result}, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
