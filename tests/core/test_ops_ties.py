"""Ties are complete: cutting any units that an op ties together equals masking them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from core import op_cases as cases

from edgesynth.edit import build, with_masks
from edgesynth.graph import Graph, Param
from edgesynth.module import GraphModule
from edgesynth.ops import OPS

EVERY = list(cases.every())


def _ties(graph: Graph):
    node = graph.nodes[0]
    inputs = [graph.shapes[v] for v in node.inputs]
    params = {s: graph.params[n] for s, n in node.params.items()}
    return OPS[node.op].ties(node, inputs, params)


def _draw(graph: Graph, seed: int):
    """(masks by (kind, key, axis), whether anything is cut): some units of every set die."""
    rng = np.random.default_rng(seed)
    node = graph.nodes[0]
    sizes = {("in", i, -1): graph.shapes[v].channels for i, v in enumerate(node.inputs)}
    sizes |= {("out", i, -1): graph.shapes[v].channels for i, v in enumerate(node.outputs)}
    for slot, name in node.params.items():
        sizes |= {("param", slot, a): n for a, n in enumerate(graph.params[name].shape)}
    masks = {key: np.ones(n, bool) for key, n in sizes.items()}
    cut = False
    for units in _ties(graph).sets:
        alive = rng.random(units[0].length) < 0.6
        alive[rng.integers(len(alive))] = True
        cut |= not alive.all()
        for span in units:
            assert span.length == len(alive)
            masks[span.kind, span.key, span.axis][span.start : span.start + span.length] &= alive
    return masks, cut


def _cut(graph: Graph, masks) -> Graph:
    node, params = graph.nodes[0], {}
    for slot, name in node.params.items():
        array = graph.params[name].array
        for axis in range(array.ndim):
            array = np.compress(masks["param", slot, axis], array, axis)
        params[name] = Param(array)
    attrs = dict(node.attrs)
    if node.op == "slice":
        before = masks["in", 0, -1][: attrs["start_channel"]]
        attrs |= {"start_channel": int(before.sum()), "length": int(masks["out", 0, -1].sum())}
    if node.op == "conv1d" and attrs["groups"] == graph.shapes[node.inputs[0]].channels:
        attrs["groups"] = int(masks["in", 0, -1].sum())
    shapes = {}
    for i, value in enumerate(node.inputs):
        alive = int(masks["in", i, -1].sum())
        shapes[value] = replace(graph.shapes[value], features=(alive,))
    return build(graph.name, [replace(node, attrs=attrs)], params, graph.ports, shapes)


@pytest.mark.parametrize(("op", "case"), [c[1:] for c in EVERY], ids=[c[0] for c in EVERY])
def test_cut_equals_masked(op, case):
    graph, given = cases.graph(op, case), cases.inputs(case, batch=2)
    node = graph.nodes[0]
    for seed in range(3):
        masks, _ = _draw(graph, seed)
        named = {v: masks["in", i, -1] for i, v in enumerate(node.inputs)}
        named["y"] = masks["out", 0, -1]
        masked = GraphModule(with_masks(graph, named), "counter").double()
        small = GraphModule(_cut(graph, masks), "counter").double()
        whole = [torch.tensor(x).double() for x in given.values()]
        few = [x[..., masks["in", i, -1]] for i, x in enumerate(whole)]
        torch.testing.assert_close(masked(*whole)[..., named["y"]], small(*few))


@pytest.mark.parametrize("op", sorted(OPS))
def test_every_channel_is_tied_fixed_or_free(op):
    """A set or a fixed span covers every channel of every input and output, slice's rest apart."""
    for case in OPS[op].cases():
        graph = cases.graph(op, case)
        node, ties = graph.nodes[0], _ties(graph)
        spans = [*(s for units in ties.sets for s in units), *ties.fixed]
        for kind, values in (("in", node.inputs), ("out", node.outputs)):
            for i, value in enumerate(values):
                covered = np.zeros(graph.shapes[value].channels, bool)
                for s in spans:
                    if (s.kind, s.key) == (kind, i):
                        covered[s.start : s.start + s.length] = True
                assert covered.all() or (op == "slice" and kind == "in")


def test_something_is_cut():
    drawn = {op: False for op in OPS}
    for _, op, case in EVERY:
        drawn[op] |= _draw(cases.graph(op, case), 0)[1]
    assert {op for op, cut in drawn.items() if not cut} == {"harmonic", "noise", "fir"}
