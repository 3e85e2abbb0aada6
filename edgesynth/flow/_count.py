"""What a model costs on a board that is not this machine: counted, never timed."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import Any

from edgesynth.errors import EdgesynthError, InputError
from edgesynth.flow._open import is_artifact, open_artifact, open_graph
from edgesynth.flow.base import UI, Table
from targets.base import Target

COLUMNS = (
    "runtime",
    "block",
    "instructions",
    "instructions_per_second",
    "clock_share",
    "macs_per_second",
    "note",
)
HOPS = 8  # hops and blocks that a count is the mean of, at least
BLOCKS = 4
LONGEST = 1 << 20  # frames that an emulator plays in a reasonable time


def count_rows(model: str, place: Target, blocks: Sequence[int], ui: UI) -> Table:
    """One row a block size: instructions of the board's build, counted in an emulator.

    instructions: per block, mean over whole hops; instructions_per_second: per second of audio;
    clock_share: these over the board's clock, the share of one core if an instruction took one
    cycle, which no board keeps to: a count, not a time. None with a note where the emulator or the
    cross compiler is not installed. InputError: an artifact that cannot be read.
    """
    from edgesynth.flow.bench import costs, rate_of
    from firmware_bridge.emulate import missing
    from firmware_bridge.play import Player

    artifact = open_artifact(model, place.name)
    graph = None if is_artifact(model) else open_graph(model)
    player = Player(artifact)
    rate = rate_of(player, ui)
    known = costs(graph, player.manifest)
    reason = missing(place)
    if reason:
        ui.warn(f"instructions are not counted: {reason}")
    rows = []
    for number, block in enumerate(blocks):
        count, note = (None, reason) if reason else _count(place, artifact, player, block)
        rate_of_instructions = count / block * rate if count is not None else None
        share = (
            rate_of_instructions / place.clock_hz
            if rate_of_instructions and place.clock_hz
            else None
        )
        rows.append(
            {
                "runtime": f"edgesynth ({place.name}, counted)",
                "block": block,
                "instructions": count,
                "instructions_per_second": rate_of_instructions,
                "clock_share": share,
                "macs_per_second": known["macs_per_second"],
                "note": note,
            }
        )
        ui.progress(f"counting on {place.name}", number + 1, len(blocks))
    facts: dict[str, Any] = {
        "target": place.name,
        "clock_hz": place.clock_hz,
        "clock_share_is": "instructions per second of audio over the clock: a count, not a time",
        "artifact_bytes": len(artifact),
        "state_bytes": player.state_bytes,
        "arena_bytes": player.arena_bytes,
        "latency_frames": player.latency,
        "rate": rate,
        **known,
    }
    return Table(COLUMNS, rows, facts=facts)


def counted_frames(block: int, hop: int) -> int:
    """Frames to count over: whole hops and whole blocks, HOPS and BLOCKS of them at least.
    InputError where the shortest such stretch is too long for an emulator."""
    unit = lcm(block, hop)
    if unit > LONGEST:
        raise InputError(
            f"blocks of {block}: whole hops of {hop} frames take {unit} frames, too many to emulate; "
            "take a size that shares more factors with the hop"
        )
    return -(-max(HOPS * hop, BLOCKS * block) // unit) * unit


def _count(
    place: Target, artifact: bytes, player: Any, block: int
) -> tuple[float | None, str | None]:
    """(instructions of one block, None), or (None, why not)."""
    from firmware_bridge.emulate import count_instructions
    from firmware_bridge.measure.doors import examples
    from targets.artifact import read

    frames = counted_frames(block, lcm(*(v.period for v in read(artifact).values)))
    inputs = examples(player.ports, frames)
    try:
        return count_instructions(place.name, artifact, player.ports, inputs, block, frames), None
    except EdgesynthError as error:
        return None, str(error)
