"""The ONNX step model: its interface, its size, its clock; parity stands in tests/parity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from parity.cases import examples, slowest
from parity.nets import convolutional, recurrent, synth

from edgesynth.edit import with_masks
from edgesynth.errors import GraphError
from edgesynth.graph import Graph
from edgesynth.ops import OPS
from edgesynth.stream import stream
from targets.onnx import OPSET, SESSION, export, initial_states, model
from targets.onnx_build import STATE

ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def session(blob: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    for key, value in SESSION.items():
        options.add_session_config_entry(key, value)
    return ort.InferenceSession(blob, options, providers=["CPUExecutionProvider"])


def test_names_and_shapes() -> None:
    found = session(export(synth()))
    inputs = {i.name: i.shape for i in found.get_inputs()}
    outputs = {o.name: o.shape for o in found.get_outputs()}
    assert inputs["f0"] == [1, "T", 1] and outputs["audio"] == [1, "64T", 1]
    states = {n[len(STATE) :] for n in inputs if n.startswith(STATE)}
    assert states == {s.name for s in stream(synth()).states} | {"clock"}
    assert {n for n in outputs if n.startswith("next:")} == {f"next:{s}" for s in states}
    assert inputs["state:tone.phase"] == [1, 1] and inputs["state:clock"] == []


def test_initial_states_fit_the_session() -> None:
    for graph in (recurrent(), convolutional(), synth()):
        wanted = {i.name: i for i in session(export(graph)).get_inputs() if STATE in i.name}
        found = initial_states(graph)
        assert set(found) == set(wanted)
        assert all(list(v.shape) == wanted[k].shape for k, v in found.items())


def test_a_fixed_number_of_steps() -> None:
    found = session(export(synth(), steps=2))
    assert {o.name: o.shape for o in found.get_outputs()}["audio"] == [1, 128, 1]


def test_it_is_plain_onnx_of_the_stated_opset() -> None:
    found = model(stream(synth()))
    assert [(o.domain, o.version) for o in found.opset_import] == [("", OPSET)]
    assert {n.domain for n in found.graph.node} <= {""}


def test_i8_stays_i8() -> None:
    """Every code is stored as int8: the file is about a quarter."""
    from onnx import TensorProto

    graph = examples()["net/recurrent-i8"].graph
    made = model(graph)
    codes = [t for t in made.graph.initializer if t.data_type == TensorProto.INT8]
    assert len(codes) == sum(p.format == "i8" for p in graph.params.values())
    assert sum(np.prod(t.dims) for t in codes) == sum(
        p.array.size for p in graph.params.values() if p.format == "i8"
    )
    assert len(export(graph)) < 0.6 * len(export(recurrent()))


def test_random_numbers_beyond_32_bits_of_clock() -> None:
    """A clock that crosses 2**32 in the call gives the runtime's noise, not a repetition."""
    import torch

    from edgesynth.module import StreamModule

    graph: Graph = stream(examples()["noise/n17"].graph)
    hop, clock = slowest(graph), 2**32 - 3 * 64
    assert clock % hop == 0
    x = examples()["noise/n17"].inputs["in0"][None, :8]
    module = StreamModule(graph)
    fresh = {s.name: torch.zeros(1, *s.shape) for s in graph.states}
    module.set_state(fresh | {"clock": torch.tensor(clock)})
    want = module({"in0": torch.from_numpy(x)})["out"].numpy()
    state = initial_states(graph) | {"state:clock": np.array(clock, np.int64)}
    got, after = session(export(graph)).run(["out", "next:clock"], {"in0": x, **state})
    assert after == clock + 8 * hop
    assert np.abs(got - want).max() < 1e-6 and np.abs(want).max() > 1e-2


def test_an_op_without_onnx_form_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(type(OPS["gru"]), "onnx", none)
    with pytest.raises(GraphError, match="node gru: op 'gru' has no ONNX form"):
        export(recurrent())


def test_masked_units_are_refused() -> None:
    with pytest.raises(GraphError, match="masked units in 'gru'"):
        export(with_masks(recurrent(), {"gru": [False] + [True] * 23}))


def test_names_of_ports_are_kept() -> None:
    graph = recurrent()
    ports = (replace(graph.ports[0], name="signal in"), replace(graph.ports[1], name="const.1"))
    found = session(export(replace(graph, ports=ports)))
    assert found.get_outputs()[0].name == "const.1"
    assert "signal in" in [i.name for i in found.get_inputs()]
