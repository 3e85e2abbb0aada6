"""Other runtimes, shown to play the same as ours before anything is timed."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import EdgesynthError, InputError
from edgesynth.flow.verify import ABSOLUTE
from edgesynth.graph import Graph

if TYPE_CHECKING:
    from firmware_bridge.play import Player

FRAMES = 2048  # that are compared, at least


def known_peer(name: str) -> str:
    """The name, if there is such a peer; InputError names the nearest."""
    from firmware_bridge.measure.peers import PEERS

    if name not in PEERS:
        near = get_close_matches(name, PEERS, n=1, cutoff=0.0)
        raise InputError(f"no runtime {name!r} to compare with; nearest is {near[0]!r}")
    return name


def validated_peer(name: str, graph: Graph, player: Player, hop: int) -> Any:
    """The peer, built from the Graph that `player` plays. EdgesynthError where an output differs by
    more than `ABSOLUTE` of full scale. player is left reset; hop: frames of the net's whole step."""
    from edgesynth.stream import stream
    from firmware_bridge.measure.doors import examples, play
    from firmware_bridge.measure.peers import PEERS

    peer = PEERS[known_peer(name)](graph if graph.streaming else stream(graph))
    frames = hop * max(4, -(-FRAMES // hop))
    inputs = examples(player.ports, frames, seed=3)
    player.reset()
    expected = play(player, player.ports, inputs, frames, 64)
    player.reset()
    got = peer.play(inputs, frames)
    for port, want in expected.items():
        have = got[port]
        if have.shape != want.shape or not np.isfinite(have).all():
            raise EdgesynthError(
                f"{name}: port {port!r} has another length or is not finite: not timed"
            )
        error, peak = float(np.abs(have - want).max()), float(np.abs(want).max())
        if not error <= ABSOLUTE * max(1.0, peak):
            raise EdgesynthError(f"{name} differs by {error:.3g} at port {port!r}: not timed")
    return peer
