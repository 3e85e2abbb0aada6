"""Lowering: what a Graph says stands in the Plan, and what a target cannot take is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from parity.cases import examples, quantized
from parity.nets import Sketch, convolutional, recurrent, synth

from edgesynth.edit import with_masks
from edgesynth.errors import ArtifactError, GraphError
from edgesynth.graph import Graph, Port, Shape
from edgesynth.ops import OPS
from edgesynth.ops.base import Choice
from edgesynth.stream import stream
from targets.artifact import read, write
from targets.base import target, targets
from targets.lower import lower
from targets.pack import unpack

NETS = {"recurrent": recurrent(), "convolutional": convolutional(), "synth": synth()}
HOST = target("host")


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("board", targets())
def test_written_and_read_on_every_target(board: str, name: str) -> None:
    plan = lower(NETS[name], target(board))
    assert read(write(plan)) == plan
    assert plan.chunk == target(board).chunk


@pytest.mark.parametrize("row", examples())
def test_the_plan_tells_the_whole_graph(row: str) -> None:
    """Nodes, attributes, parameters, states and ports, compared one by one after a round trip."""
    graph = stream(examples()[row].graph)
    plan = read(write(lower(graph, HOST)))
    values = [p.value for p in graph.inputs] + [v for n in graph.nodes for v in n.outputs]
    assert [v.channels for v in plan.values] == [graph.shapes[v].channels for v in values]
    assert [v.period for v in plan.values] == [graph.period(v) for v in values]
    for node, planned in zip(graph.nodes, plan.nodes, strict=True):
        op = OPS[node.op]
        assert planned.op == op.id and len(planned.params) == len(op.slots)
        assert [values[v] for v in planned.inputs] == list(node.inputs)
        assert [values[v] for v in planned.outputs] == list(node.outputs)
        for slot, index in zip(op.slots, planned.params, strict=True):
            name = node.params.get(slot.rstrip("?"))
            assert (index is None) == (name is None)
            if index is not None and name is not None:
                stored = unpack(plan.params[index])
                assert np.array_equal(stored.values(), graph.params[name].values())
                assert stored.format == graph.params[name].format
                assert stored.shape == graph.params[name].shape
        for (attr, kind), word in zip(op.attrs.items(), planned.attrs, strict=True):
            value = node.attrs[attr]
            raw = np.array([word], np.uint32)
            if isinstance(kind, Choice):
                assert kind.options[word] == value
            elif kind is float:
                assert raw.view(np.float32)[0] == np.float32(value)
            else:
                assert raw.view(np.int32)[0] == int(value)
        specs = {s.slot: s for s in graph.states if s.node == node.name}
        assert [plan.states[i].elements for i in planned.states] == [
            int(np.prod(specs[slot].shape)) for slot in _slots(graph, node.name)
        ]
    for port, planned_port in zip(graph.inputs + graph.outputs, plan.ports, strict=True):
        assert (port.name, port.direction, port.kind) == (
            planned_port.name, planned_port.direction, planned_port.kind,
        )
        assert planned_port.delay == graph.delays.get(port.name, 0)
    assert plan.hash.hex() == graph.fingerprint() and plan.latency == graph.latency


def _slots(graph: Graph, node: str) -> list[str]:
    found = graph.node(node)
    slots = {slot: graph.params[name] for slot, name in found.params.items()}
    return list(OPS[found.op].state(found, [graph.shapes[v] for v in found.inputs], slots))


def test_offline_and_streaming_give_the_same_artifact() -> None:
    assert write(lower(synth(), HOST)) == write(lower(stream(synth()), HOST))


def test_times_are_in_frames() -> None:
    plan = lower(synth(), HOST)
    f0, loudness, audio = plan.ports
    assert (f0.ramp, f0.low, f0.high, f0.period) == (160, 20.0, 4000.0, 64)
    assert [m.source for m in plan.midi] == ["key", "bend", "velocity"]
    assert (plan.midi[2].attack, plan.midi[2].release) == (320, 2400)
    assert plan.midi[2].port == 1 and loudness.unit == "dB"
    assert audio.delay == plan.latency > 0


def test_the_manifest() -> None:
    graph = replace(synth(), meta={"model": "ddsp", "hidden": 32})
    found = lower(graph, HOST).manifest
    assert (found["name"], found["rate"], found["chunk"]) == ("synth", 16000.0, 512)
    assert found["meta"] == {"model": "ddsp", "hidden": 32}
    assert found["params"]["f32"]["values"] == graph.parameter_count()
    assert found["macs_per_second"] == stream(graph).macs_per_second() > 0
    f0 = found["ports"][0]
    assert (f0["unit"], f0["low"], f0["high"], f0["default"]) == ("Hz", 20.0, 4000.0, 220.0)
    assert [m["source"] for m in f0["midi"]] == ["key", "bend"]


def test_i8_takes_a_quarter() -> None:
    row = examples()["net/recurrent"]
    codes = quantized(row)
    assert codes is not None
    full, small = lower(row.graph, HOST), lower(codes.graph, HOST)
    assert small.weight_bytes < 0.4 * full.weight_bytes
    assert set(small.manifest["params"]) == {"f32", "i8"}


def test_a_shared_parameter_is_stored_once() -> None:
    graph = recurrent()
    tied = replace(graph, nodes=tuple(
        replace(n, params={**n.params, "weight": "front.weight"}) if n.name == "back" else n
        for n in recurrent(width=24, out=24).nodes
    ))
    square = recurrent(width=24, out=24)
    params = {k: v for k, v in square.params.items() if k != "back.weight"}
    tied = replace(square, nodes=tied.nodes, params=params)
    assert len(lower(tied, HOST).params) == len(lower(square, HOST).params) - 1


def test_another_rate_is_said() -> None:
    assert lower(synth(), HOST).fallbacks == ()
    (line,) = lower(synth(), target("bela")).fallbacks
    assert "16000 Hz" in line and "44100" in line


def test_a_net_that_does_not_fit_is_refused() -> None:
    tiny = replace(target("bela"), ram_bytes=64_000)
    with pytest.raises(ArtifactError, match=r"bytes of memory .* bela has 64000: take a smaller"):
        lower(recurrent(), tiny)
    assert lower(recurrent(), tiny, chunk=64).arena_floats * 4 < 64_000
    with pytest.raises(ArtifactError, match="bela stores 1000"):
        lower(recurrent(), replace(target("bela"), disk_bytes=1000))


@pytest.mark.parametrize("chunk", [0, -1, 65537])
def test_chunk_out_of_range(chunk: int) -> None:
    with pytest.raises(GraphError, match="chunk"):
        lower(recurrent(), HOST, chunk)


def test_too_many_inputs() -> None:
    s = Sketch(0)
    s("y", "concat", *["x"] * 65)
    ports = (Port("x", "in", "x"), Port("y", "out", "y"))
    with pytest.raises(GraphError, match="y: a node has at most 64 inputs"):
        lower(s.graph("wide", {"x": Shape((1,))}, ports, None), HOST)


def test_a_state_too_large_for_the_format() -> None:
    s = Sketch(0)
    s("y", "delay", "x", steps=2**28 + 1, start=0)
    ports = (Port("x", "in", "x"), Port("y", "out", "y"))
    with pytest.raises(ArtifactError, match=r"state 'y\.history' has 268435457 elements"):
        lower(s.graph("long", {"x": Shape((1,))}, ports, None), HOST)


def test_meta_that_is_no_json() -> None:
    with pytest.raises(GraphError, match="meta is no JSON"):
        lower(replace(recurrent(), meta={"x": object()}), HOST)


def test_seconds_need_a_rate() -> None:
    graph = recurrent()
    ports = (replace(graph.ports[0], ramp=0.1), graph.ports[1])
    with pytest.raises(GraphError, match=r"port x: ramp of 0\.1 s"):
        lower(replace(graph, ports=ports), HOST)


def test_half_a_range_is_refused() -> None:
    graph = recurrent()
    ports = (replace(graph.ports[0], low=0.1), graph.ports[1])
    with pytest.raises(GraphError, match="both ends"):
        lower(replace(graph, ports=ports), HOST)


def test_masked_units_are_refused() -> None:
    """A mask is for training: what it shuts must be cut before a net is lowered."""
    shut = with_masks(recurrent(), {"gru": [False] + [True] * 23})
    with pytest.raises(GraphError, match="masked units in 'gru'"):
        lower(shut, HOST)
    live = with_masks(recurrent(), {"gru": [True] * 24})
    assert write(lower(live, HOST)) == write(lower(recurrent(), HOST))


def test_no_torch_is_needed() -> None:
    """Lowering, writing and reading with torch, onnx, scipy and librosa blocked."""
    code = (
        "import sys\n"
        "for m in ('torch', 'onnx', 'onnxruntime', 'scipy', 'librosa'): sys.modules[m] = None\n"
        "sys.path.insert(0, 'tests')\n"
        "from parity.nets import synth\n"
        "from targets.artifact import read, write\n"
        "from targets.base import target\n"
        "from targets.lower import lower\n"
        "plan = lower(synth(), target('pi4'))\n"
        "assert read(write(plan)) == plan\n"
        "import targets.onnx\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
