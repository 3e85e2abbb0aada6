"""Damaged artifacts: each kind has its status, and no damage at all makes the runtime crash."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from runtime import small_nets
from runtime.handmade import NONE, Net, controls, repaired, wire
from runtime.native import output, program

from edgesynth.errors import ArtifactError, InputError
from firmware_bridge.play import Player


def linear(bias_bytes: int = 64, scale: int = 0, words: tuple[int, ...] = ()) -> Net:
    """Three channels in, two out."""
    net = Net()
    x, y = net.value(3), net.value(2)
    net.weights = bytes(192 + 64)
    net.params = [
        (0, 2, 1, 2, 2, 3, 1, 1, 0, 192, scale, 0),
        (0, 1, 1, 1, 2, 1, 1, 1, 192, bias_bytes, 0, 0),
    ]
    net.port("x", 0, "audio", x)
    net.port("y", 1, "audio", y)
    net.node(1, 1, [x], [y], [0, 1], [], words)
    return net


def edited(net: Net, **changes: object) -> bytes:
    for name, value in changes.items():
        setattr(net, name, value)
    return net.blob()


def patched(blob: bytes, at: int, value: int) -> bytes:
    return repaired(blob[:at] + struct.pack("<I", value) + blob[at + 4 :])


def with_node(**lists: list[int]) -> bytes:
    net = linear()
    net.nodes, net.words = [], []
    rows = {"inputs": [0], "outputs": [1], "params": [0, 1], "states": [], "attrs": []} | lists
    net.node(1, 1, *rows.values())
    return net.blob()


def second_writer() -> bytes:
    net = linear()
    net.node(1, 1, [0], [1], [0, 1], [], [])
    return net.blob()


def port(at: int, value: float) -> bytes:
    net = controls()
    row = list(net.ports[0])
    row[at] = value
    net.ports[0] = tuple(row)
    return net.blob()


def midi(at: int, value: float) -> bytes:
    net = controls()
    row = list(net.midi[3])
    row[at] = value
    net.midi[3] = tuple(row)
    return net.blob()


def golden(*head: float, floats: int = 0) -> bytes:
    return edited(wire(), golden=struct.pack("<If2I", *head) + bytes(4 * floats))


INF = float("inf")
WIRE = wire().blob()
CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "no bytes": (lambda: b"", "not an edgesynth artifact"),
    "another file": (lambda: b"RIFF" + WIRE[4:], "not an edgesynth artifact"),
    "header cut": (lambda: WIRE[:60], "shorter than it says"),
    "tail cut": (lambda: WIRE[:-1], "shorter than it says"),
    "newer version": (lambda: patched(WIRE, 4, 2), "version is not supported"),
    "one bit flipped": (lambda: WIRE[:70] + b"\x01" + WIRE[71:], "checksum"),
    "chunk of zero": (lambda: edited(wire(), chunk=0), "a section of the artifact"),
    "chunk too large": (lambda: edited(wire(), chunk=65537), "a section of the artifact"),
    "rate infinite": (lambda: edited(wire(), rate=INF), "a section of the artifact"),
    "reserved header word": (lambda: patched(WIRE, 68, 1), "a section of the artifact"),
    "no STRINGS": (lambda: patched(WIRE, 96, 200), "a section of the artifact"),
    "section misaligned": (lambda: patched(WIRE, 100, 257), "a section of the artifact"),
    "section in the header": (lambda: patched(WIRE, 100, 64), "a section of the artifact"),
    "section beyond the end": (lambda: patched(WIRE, 104, 1 << 30), "a section of the artifact"),
    "records do not fill section": (lambda: patched(WIRE, 140, 3), "a section of the artifact"),
    "strings without end": (lambda: edited(wire(), strings=b"abc"), "a section of the artifact"),
    "golden of no frames": (lambda: golden(0, 0.1, 0, 0), "a section of the artifact"),
    "golden too short": (lambda: golden(2, 0.1, 2, 2, floats=3), "a section of the artifact"),
    "golden of other ports": (lambda: golden(2, 0.1, 1, 3, floats=4), "a section of the artifact"),
    "value beyond arena": (lambda: edited(wire(), arena=32), "an edge of the net"),
    "value misaligned": (
        lambda: edited(wire(), values=[(1, 1, 8)], arena=99),
        "an edge of the net",
    ),
    "value without channels": (lambda: edited(wire(), values=[(0, 1, 0)]), "an edge of the net"),
    "value without period": (lambda: edited(wire(), values=[(1, 0, 0)]), "an edge of the net"),
    "channels overflow": (lambda: edited(wire(), values=[(NONE, 1, 0)]), "an edge of the net"),
    "param of other size": (lambda: linear(bias_bytes=60).blob(), "a parameter of the net"),
    "param beyond weights": (
        lambda: edited(linear(), weights=bytes(255)),
        "a parameter of the net",
    ),
    "f32 with scale": (lambda: linear(scale=64).blob(), "a parameter of the net"),
    "state of unknown dtype": (
        lambda: edited(linear(), states=[(3, 1, NONE)]),
        "a state of the net",
    ),
    "state too large": (lambda: edited(linear(), states=[(0, NONE, NONE)]), "a state of the net"),
    "state's init of other size": (
        lambda: edited(linear(), states=[(0, 3, 1)]),
        "a state of the net",
    ),
    "unknown op": (lambda: edited(linear(), nodes=[(99, *linear().nodes[0][1:])]), "lacks"),
    "input not made": (lambda: with_node(inputs=[1]), "a node of the net"),
    "input beyond values": (lambda: with_node(inputs=[2]), "an edge of the net"),
    "param beyond params": (lambda: with_node(params=[0, 2]), "a parameter of the net"),
    "state beyond states": (lambda: with_node(states=[0]), "a state of the net"),
    "no output": (lambda: with_node(outputs=[]), "a node of the net"),
    "too few params": (lambda: with_node(params=[]), "a node of the net"),
    "weight absent": (lambda: with_node(params=[NONE, 1]), "a node of the net"),
    "list beyond words": (lambda: edited(linear(), words=[0]), "a node of the net"),
    "value made twice": (second_writer, "a node of the net"),
    "port of unknown kind": (lambda: port(3, 4), "a port"),
    "port of other channels": (lambda: port(5, 2), "a port"),
    "port of other period": (lambda: port(6, 2), "a port"),
    "port name beyond strings": (lambda: port(0, 1 << 20), "a port"),
    "range upside down": (lambda: port(8, 5000.0), "a port"),
    "default not a number": (lambda: port(10, float("nan")), "a port"),
    "value beyond values": (lambda: port(4, 77), "an edge of the net"),
    "bend without bounds": (lambda: midi(4, 1e30), "a port"),
    "MIDI to no port": (lambda: midi(2, 40), "a port"),
    "MIDI to an output": (lambda: midi(2, 4), "a port"),
}


def test_the_undamaged_ones_open() -> None:
    for net in (wire(), linear(), controls()):
        assert Player(net.blob()).ports


@pytest.mark.parametrize("name", CASES)
def test_damage_has_its_text(name: str) -> None:
    make, text = CASES[name]
    with pytest.raises(ArtifactError, match=text):
        Player(make())


def test_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"/nowhere/x\.esa: No such file"):
        Player("/nowhere/x.esa")


SWEEPS = {
    "wire": (lambda: wire(3).blob(), 0, 1 << 20),
    "controls": (lambda: controls(ramp=9).blob(), 0, 1 << 20),
    "golden": (lambda: golden(5, 1e-6, 5, 5, floats=10), 0, 1 << 20),
    "linear": (lambda: linear().blob(), 0, 1 << 20),
    "decoder": (small_nets.decoder, 0, 768),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_any_changed_word_is_refused_or_plays(name: str, tmp_path: Path) -> None:
    make, start, end = SWEEPS[name]
    (tmp_path / "net.esa").write_bytes(make())
    status, text = output([program("corrupt"), tmp_path / "net.esa", str(start), str(end)])
    assert status == 0, text[-4000:]
    refused, played = (int(w.split()[0]) for w in text.split(","))
    assert refused > 500 and played > 50


@pytest.mark.full
def test_any_changed_word_of_a_whole_net(tmp_path: Path) -> None:
    (tmp_path / "net.esa").write_bytes(small_nets.decoder())
    status, text = output([program("corrupt"), tmp_path / "net.esa", "0", "6600"], timeout=900)
    assert status == 0, text[-4000:]
