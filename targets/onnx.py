"""A streaming Graph as an ONNX step model: states are inputs and outputs.

Inputs: the Graph's input ports (1, steps, *features) by name, `state:<name>` (1, *shape) for every
state that holds anything, and `state:clock` (int64, scalar: absolute clock sample of the first
step) where an op asks for it. Outputs: the output ports, `next:<name>` for every state. One call
holds T steps of the slowest period; a value of period p has T · slowest / p steps. Opset 20.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node
from edgesynth.ops import OPS
from targets.lower import streamed
from targets.onnx_build import CLOCK, NEXT, STATE, Build, element

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

OPSET = 20
IR_VERSION = 9
SESSION = {"session.disable_quant_qdq": "1"}
"""ONNX Runtime session entries with which i8 parameters are turned to f32 once, at load."""


def export(graph: Graph, steps: int | None = None) -> bytes:
    """The serialized ONNX model of a Graph (an offline one is streamed first).

    steps: steps of the slowest period in every call, None for any number. i8 parameters stay int8
    initializers behind DequantizeLinear. GraphError names an op without ONNX form.
    """
    return bytes(model(graph, steps).SerializeToString())


def model(graph: Graph, steps: int | None = None) -> ModelProto:
    """The ONNX model of a Graph, checked by onnx; see `export`."""
    from onnx import checker, helper

    graph = streamed(graph)
    build = Build(graph)
    made: dict[str, str] = {p.value: p.name for p in graph.inputs}
    params = {name: _param(build, graph, name) for name in graph.params}
    kept = [s for s in graph.states if 0 not in s.shape]
    states = {s.name: STATE + s.name for s in kept}
    for state in graph.states:
        if 0 in state.shape:
            states[state.name] = build.const(np.zeros((1, *state.shape), state.dtype))
    for node in graph.nodes:
        _emit(build, graph, node, made, params, states)
    slowest = slowest_period(graph)
    outputs = []
    for port in graph.outputs:
        _name(build, made[port.value], port.name)
        outputs.append(_port_info(graph, port.name, port.value, slowest, steps))
    inputs = [_port_info(graph, p.name, p.value, slowest, steps) for p in graph.inputs]
    for state in kept:
        kind, shape = element(state.dtype), (1, *state.shape)
        inputs.append(helper.make_tensor_value_info(STATE + state.name, kind, shape))
        _name(build, states[state.name], NEXT + state.name)
        outputs.append(helper.make_tensor_value_info(NEXT + state.name, kind, shape))
    if build.clock_used:
        fastest = next(p for p in graph.ports if graph.period(p.value) == 1)
        source = fastest.name if fastest.direction == "in" else made[fastest.value]
        length = build.node("Squeeze", build.steps(source))
        _name(build, build.node("Add", STATE + CLOCK, length), NEXT + CLOCK)
        inputs.append(helper.make_tensor_value_info(STATE + CLOCK, element("i8"), ()))
        outputs.append(helper.make_tensor_value_info(NEXT + CLOCK, element("i8"), ()))
    body = helper.make_graph(build.nodes, graph.name, inputs, outputs, build.initializers)
    found = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
        producer_name="edgesynth",
    )
    checker.check_model(found)
    return found


def initial_states(graph: Graph) -> dict[str, np.ndarray]:
    """State inputs of the Graph's model after a reset, by input name."""
    graph = streamed(graph)
    inits = {STATE + s.name: s.init for s in graph.states}
    found = {}
    for info in model(graph).graph.input:
        if not info.name.startswith(STATE):
            continue
        shape = [d.dim_value for d in info.type.tensor_type.shape.dim]
        init = inits.get(info.name)
        if init is None:
            found[info.name] = np.zeros(shape, _numpy(info.type.tensor_type.elem_type))
        else:
            found[info.name] = graph.params[init].values().reshape(shape).copy()
    return found


def slowest_period(graph: Graph) -> int:
    """Clock samples of one T: the least that holds whole steps of every value."""
    return lcm(*(graph.period(v) for v in graph.shapes))


def _emit(
    build: Build,
    graph: Graph,
    node: Node,
    made: dict[str, str],
    params: Mapping[str, str],
    states: dict[str, str],
) -> None:
    own = {s.slot: s.name for s in graph.states if s.node == node.name}
    held = {slot: states[name] for slot, name in own.items()}
    slots = {slot: params[name] for slot, name in node.params.items()}
    try:
        outputs, following = OPS[node.op].onnx(
            node, build, [made[v] for v in node.inputs], slots, held, graph
        )
    except NotImplementedError:
        raise GraphError(f"node {node.name}: op {node.op!r} has no ONNX form") from None
    if set(following) != set(own) or len(outputs) != len(node.outputs):
        raise GraphError(f"node {node.name}: the ONNX form of {node.op!r} loses state or outputs")
    made.update(zip(node.outputs, outputs, strict=True))
    states.update({own[slot]: name for slot, name in following.items()})


def _param(build: Build, graph: Graph, name: str) -> str:
    param = graph.params[name]
    if param.scale is None:
        return build.const(param.array)
    axis = 0 if param.array.ndim else None
    scale = build.const(param.scale)
    return str(build.node("DequantizeLinear", build.const(param.array), scale, axis=axis))


def _name(build: Build, value: str, name: str) -> None:
    """Give `value` a public name."""
    from onnx import helper

    build.nodes.append(helper.make_node("Identity", [value], [name]))


def _port_info(
    graph: Graph, name: str, value: str, slowest: int, steps: int | None
) -> ValueInfoProto:
    from onnx import helper

    shape = graph.shapes[value]
    share = slowest // graph.period(value)
    if steps is None:
        length: int | str = "T" if share == 1 else f"{share}T"
    else:
        length = share * steps
    return helper.make_tensor_value_info(name, element("f4"), (1, length, *shape.features))


def _numpy(element: int) -> np.dtype[Any]:
    from onnx import helper

    return np.dtype(helper.tensor_dtype_to_np_dtype(element))
