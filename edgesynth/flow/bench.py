"""edgesynth bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from edgesynth.errors import EdgesynthError, InputError
from edgesynth.flow._open import is_artifact, named, open_artifact, open_graph
from edgesynth.flow._peers import known_peer, validated_peer
from edgesynth.flow.base import ARGUMENT, UI, Command, Table
from edgesynth.graph import Graph

if TYPE_CHECKING:
    from firmware_bridge.play import Player

COLUMNS = (
    "runtime",
    "block",
    "mean_us",
    "p50_us",
    "p99_us",
    "worst_us",
    "rtf",
    "rtf_p99",
    "allocations",
    "ratio",
)
RATE = 48000.0  # of a net without a rate of its own


@dataclass(frozen=True)
class Bench(Command):
    """Time a model or artifact block by block; for a board, count what it costs there.

    Every runtime is validated before it is timed, and all run interleaved in one process on one
    thread: compare the ratios, for absolute times move with the machine. `rtf` is seconds of
    compute per second of audio; below 1 plays in real time. For a target that is not this machine
    the rows give bytes, multiply-adds and instructions counted in an emulator, never its clock.
    """

    table: ClassVar[bool] = True

    model: Annotated[
        str, "a bundled name, a saved Graph, file.py:function or an .esa artifact", ARGUMENT
    ]
    target: Annotated[str, "board or machine, see `edgesynth targets`"] = "host"
    blocks: Annotated[tuple[int, ...], "frames per call"] = (16, 64, 256)
    against: Annotated[
        tuple[str, ...], "another runtime to compare with: onnxruntime; may be given several times"
    ] = ()
    kernels: Annotated[str, "instruction set: best, scalar, avx2, avx512, neon"] = "best"
    seconds: Annotated[float, "audio to play per round, runtime and block size"] = 1.0

    def run(self, ui: UI) -> Table:
        from targets.base import target

        if any(not 1 <= b <= 65536 for b in self.blocks) or not self.blocks:
            raise InputError(f"--blocks {','.join(map(str, self.blocks))}: sizes from 1 to 65536")
        if not 0 < self.seconds <= 600:
            raise InputError(f"--seconds {self.seconds}: more than 0, at most 600")
        place = target(self.target)
        if not place.native:
            from edgesynth.flow._count import count_rows

            with named(self.model):
                counted: Table = count_rows(self.model, place, self.blocks, ui)
            return counted
        graph = None if is_artifact(self.model) else open_graph(self.model)
        if graph is None and self.against:
            raise InputError(
                "--against needs the model itself, not an artifact: peers play its Graph"
            )
        artifact = open_artifact(self.model, self.target)
        with named(self.model):
            return measure(
                artifact, graph, self.blocks, self.against, self.kernels, self.seconds, ui
            )


def measure(
    artifact: bytes,
    graph: Graph | None,
    blocks: tuple[int, ...],
    against: tuple[str, ...],
    kernels: str,
    seconds: float,
    ui: UI,
) -> Table:
    """The timing table of one artifact, beside peers that play the same Graph.

    ratio: a row's mean over that of the first peer named, below 1 is faster; None without peers.
    """
    from firmware_bridge.measure.interleave import interleave
    from firmware_bridge.measure.ours import Ours
    from firmware_bridge.play import Player

    player = Player(artifact, kernels=kernels)
    rate = rate_of(player, ui)
    ours = Ours(artifact, player.ports, kernels)
    examples = {block: ours.example(block) for block in blocks}
    name = f"edgesynth ({player.kernels})"
    runners: dict[str, Any] = {name: ours} | _peers(graph, against, player, ours.hop, ui)
    allocations = _allocations(artifact, kernels, graph, against, blocks, ui)
    rows = []
    for block in blocks:
        inputs = dict.fromkeys(runners, examples[block])
        timed = interleave(runners, inputs, block, ours.hop, rate, seconds, progress=ui.progress)
        first = timed[against[0]].mean_us if against else None
        for n, timing in timed.items():
            counted = allocations.get(("edgesynth" if n == name else n, block))
            timing = replace(timing, allocations=counted)
            rows.append(asdict(timing) | {"ratio": timing.mean_us / first if first else None})
    facts: dict[str, Any] = {
        "artifact_bytes": len(artifact),
        "state_bytes": player.state_bytes,
        "arena_bytes": player.arena_bytes,
        "voice_bytes": player.voice_bytes,
        "latency_frames": player.latency,
        "rate": rate,
        **costs(graph, player.manifest),
    }
    return Table(COLUMNS, rows, facts=facts)


def rate_of(player: Player, ui: UI) -> float:
    """Frames per second of the net, said where it has none of its own."""
    if not player.rate:
        ui.say(f"the net has no rate of its own: reckoned at {RATE:g} Hz")
    return float(player.rate or RATE)


def costs(graph: Graph | None, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Multiply-adds per second and number of parameters, of the Graph or as an artifact states."""
    if graph is not None:
        return {"macs_per_second": graph.macs_per_second(), "parameters": graph.parameter_count()}
    params = manifest.get("params")
    rows = list(params.values()) if isinstance(params, dict) else []
    values = [r.get("values") for r in rows if isinstance(r, dict)]
    macs = manifest.get("macs_per_second")
    return {
        "macs_per_second": macs if isinstance(macs, int | float) else None,
        "parameters": sum(values) if values and all(isinstance(v, int) for v in values) else None,
    }


def _allocations(
    artifact: bytes,
    kernels: str,
    graph: Graph | None,
    against: tuple[str, ...],
    blocks: tuple[int, ...],
    ui: UI,
) -> dict[tuple[str, int], float]:
    """What `allocations.counts` says; empty, with a warning, where it failed."""
    from firmware_bridge.measure.allocations import counts

    ui.say("counting allocations")
    try:
        return counts(artifact, kernels, graph, against, blocks)
    except EdgesynthError as error:
        ui.warn(str(error))
        return {}


def _peers(
    graph: Graph | None, against: tuple[str, ...], player: Player, hop: int, ui: UI
) -> dict[str, Any]:
    """The peers asked for, each shown to give the same output before it is timed."""
    if graph is None:
        return {}
    made = {}
    for name in [known_peer(n) for n in against]:
        ui.say(f"{name}: checking that it plays the same")
        made[name] = validated_peer(name, graph, player, hop)
    return made
