"""Rewrites that move a per-channel affine map y = a · x + s into the weights beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgesynth.graph import Graph, Node, Param

READS = {"linear": ("weight", "bias"), "gru": ("w_ih", "b_ih"), "conv1d": ("weight", "bias")}
"""Ops that can take an affine map of their first input: (weight slot, bias slot)."""
MAKERS = ("linear", "conv1d", "layer_norm")
"""Ops that can take an affine map of their output, in weight and bias."""
LARGEST = 1e12


@dataclass(frozen=True)
class Rewrite:
    """Nodes that change, nodes that go, parameters that are new; `told` says it to people."""

    told: str
    nodes: Mapping[str, Node]
    gone: tuple[str, ...]
    params: Mapping[str, Param] = field(default_factory=dict)


def merged(graph: Graph) -> Iterator[Rewrite]:
    """Two constants in a row, both gains or both offsets, as one."""
    for second in graph.nodes:
        first = _sole_maker(graph, second)
        if first is None:
            continue
        one, two = affine(graph, first), affine(graph, second)
        if one is None or two is None:
            continue
        if one.shift is None and two.shift is None:
            fn, constant = "mul", one.gains * two.gains
        elif one.gain is None and two.gain is None:
            fn, constant = "add", one.shifts + two.shifts
        else:
            continue
        if not _sane(constant):
            continue
        name = second.params["constant"]
        attrs = {**second.attrs, "fn": fn, "swapped": False}
        node = replace(second, inputs=first.inputs, attrs=attrs)
        params = {name: _like(graph, name, _shortest(graph, first, second, constant))}
        if _fits(graph, [first, second], [node], params):
            told = f"{first.name} and {second.name} into one {fn}"
            yield Rewrite(told, {second.name: node}, (first.name,), params)


def after_producer(graph: Graph) -> Iterator[Rewrite]:
    """A constant after a linear, conv1d or layer_norm, into its weight and bias."""
    for node in graph.nodes:
        maker, change = _sole_maker(graph, node), affine(graph, node)
        if maker is None or change is None or maker.op not in MAKERS:
            continue
        if "weight" not in maker.params or not _sane(change.gains, change.shifts):
            continue
        name = maker.params["weight"]
        array = _values(graph, name)
        rows = change.gains.reshape((-1,) + (1,) * (array.ndim - 1))
        params = {name: _like(graph, name, array * rows)}
        new = replace(maker, outputs=node.outputs)
        bias = change.shift
        if "bias" in maker.params:
            bias = _values(graph, maker.params["bias"]) * change.gains + change.shifts
        new = _with_bias(graph, new, "bias", bias, params)
        if _fits(graph, [maker, node], [new], params):
            yield Rewrite(f"{node.name} into {maker.name}", {maker.name: new}, (node.name,), params)


def before_consumer(graph: Graph) -> Iterator[Rewrite]:
    """A constant before a linear, gru or conv1d, into the weight and bias of what reads it."""
    for node in graph.nodes:
        maker = _sole_maker(graph, node)
        change = None if maker is None else affine(graph, maker)
        if maker is None or change is None or node.op not in READS:
            continue
        new, params = _absorbed(graph, replace(node, inputs=maker.inputs), change)
        if new is not None and _fits(graph, [maker, node], [new], params):
            yield Rewrite(f"{maker.name} into {node.name}", {node.name: new}, (maker.name,), params)


def norm_gain(graph: Graph) -> Iterator[Rewrite]:
    """A layer_norm's gain and bias, into the linear, gru or conv1d that alone reads it."""
    for node in graph.nodes:
        norm = _sole_maker(graph, node)
        if norm is None or norm.op != "layer_norm" or not norm.params or node.op not in READS:
            continue
        gain, shift = (
            _values(graph, norm.params[slot]) if slot in norm.params else None
            for slot in ("weight", "bias")
        )
        size = graph.shapes[norm.outputs[0]].features[-1]
        new, params = _absorbed(graph, node, Affine(size, gain, shift))
        bare = replace(norm, params={})
        if new is not None and _fits(graph, [norm, node], [bare, new], params):
            told = f"gain of {norm.name} into {node.name}"
            yield Rewrite(told, {norm.name: bare, node.name: new}, (), params)


@dataclass(frozen=True, eq=False)
class Affine:
    """gain · x + shift per channel, float64; None where the graph's structure has no such part,
    whatever the values are."""

    size: int
    gain: np.ndarray | None = None
    shift: np.ndarray | None = None

    @property
    def gains(self) -> np.ndarray:
        return np.ones(self.size) if self.gain is None else self.gain

    @property
    def shifts(self) -> np.ndarray:
        return np.zeros(self.size) if self.shift is None else self.shift


def affine(graph: Graph, node: Node) -> Affine | None:
    """What a binary with one input and a constant does; None for what is not affine."""
    if node.op != "binary" or "constant" not in node.params:
        return None
    size = graph.shapes[node.outputs[0]].features[-1]
    c = np.broadcast_to(_values(graph, node.params["constant"]), (size,))
    match node.attrs["fn"], bool(node.attrs["swapped"]):
        case "mul", _:
            return Affine(size, gain=c)
        case "add", _:
            return Affine(size, shift=c)
        case "sub", False:
            return Affine(size, shift=-c)
        case "sub", True:
            return Affine(size, gain=-np.ones(size), shift=c)
        case "div", False if (c != 0).all():
            return Affine(size, gain=1 / c)
    return None


def _absorbed(
    graph: Graph, node: Node, change: Affine
) -> tuple[Node | None, dict[str, Param]]:
    """`node` reading x where it read `change` of x; None where that is not exact: a conv1d pads
    its input with zeros, which a shift would move."""
    weight_slot, bias_slot = READS[node.op]
    name = node.params[weight_slot]
    array = _values(graph, name)
    if not _sane(change.gains, change.shifts):
        return None, {}
    if node.op == "conv1d":
        if change.shift is not None:
            return None, {}
        per_group = change.gains.reshape(int(node.attrs["groups"]), 1, array.shape[1], 1)
        scaled = array.reshape(len(per_group), -1, *array.shape[1:]) * per_group
        return node, {name: _like(graph, name, scaled.reshape(array.shape))}
    params = {name: _like(graph, name, array * change.gains)}
    bias = None if change.shift is None else array @ change.shift
    if bias is not None and bias_slot in node.params:
        bias = bias + _values(graph, node.params[bias_slot])
    return _with_bias(graph, node, bias_slot, bias, params), params


def _with_bias(
    graph: Graph, node: Node, slot: str, bias: np.ndarray | None, params: dict[str, Param]
) -> Node:
    """`node` with that bias in its slot, made anew where it had none; None changes nothing."""
    if bias is None:
        return node
    if slot in node.params:
        params[node.params[slot]] = _like(graph, node.params[slot], bias)
        return node
    name = f"{node.name}.{slot}"
    while name in graph.params:
        name += "_"
    params[name] = Param(bias.astype(np.float32))
    return replace(node, params={**node.params, slot: name})


def _sole_maker(graph: Graph, node: Node) -> Node | None:
    """The node that makes the one input of `node`, where nothing else sees that value."""
    value = node.inputs[0]
    maker = graph.producer(value)
    if maker is None or len(node.inputs) != 1 or len(graph.consumers(value)) != 1:
        return None
    if value in graph.masks or any(p.value == value for p in graph.ports):
        return None
    return maker


def _fits(graph: Graph, old: list[Node], new: list[Node], params: Mapping[str, Param]) -> bool:
    """Whether a rewrite of `old` to `new` nodes is allowed: f32 throughout, no changed parameter
    fixed or used elsewhere, and no more values stored."""
    names = {name for n in old for name in n.params.values()}
    if any(graph.params[name].format != "f32" for name in names):
        return False
    for name in names & set(params):
        users = [n.name for n in graph.nodes for used in n.params.values() if used == name]
        fixed = not graph.params[name].trainable and name not in _constants(old)
        if len(users) != 1 or fixed:
            return False
    pool = {**graph.params, **params}
    left = {name for n in new for name in n.params.values()}
    return sum(pool[n].array.size for n in left) <= sum(graph.params[n].array.size for n in names)


def _constants(nodes: list[Node]) -> set[str]:
    return {n.params["constant"] for n in nodes if "constant" in n.params}


def _shortest(graph: Graph, first: Node, second: Node, constant: np.ndarray) -> np.ndarray:
    """One number where both constants were one number."""
    shapes = [graph.params[n.params["constant"]].shape for n in (first, second)]
    return constant[0].reshape(()) if shapes == [(), ()] else constant


def _sane(*arrays: np.ndarray) -> bool:
    return all(np.isfinite(a).all() and (np.abs(a) < LARGEST).all() for a in arrays)


def _values(graph: Graph, name: str) -> np.ndarray:
    return graph.params[name].values().astype(np.float64)


def _like(graph: Graph, name: str, values: np.ndarray) -> Param:
    return Param(np.asarray(values).astype(np.float32), trainable=graph.params[name].trainable)
