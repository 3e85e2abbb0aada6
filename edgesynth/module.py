"""Torch views of a Graph: `GraphModule` trains it, `StreamModule` plays it step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any

import torch
from torch import Tensor, nn

from edgesynth.errors import GraphError
from edgesynth.graph import Graph, Node, Port
from edgesynth.ops import OPS
from edgesynth.ops.base import Op, Run

STATE_TYPES = {"i8": torch.int64, "u4": torch.int64}
INWARD: dict[str, Callable[[Tensor], Tensor]] = {
    "BTC": lambda x: x,
    "BCT": lambda x: x.transpose(1, 2),
    "TBC": lambda x: x.transpose(0, 1),
    "BT": lambda x: x.unsqueeze(-1),
    "TB": lambda x: x.transpose(0, 1).unsqueeze(-1),
}
OUTWARD: dict[str, Callable[[Tensor], Tensor]] = {
    **INWARD,
    "BT": lambda x: x.squeeze(-1),
    "TB": lambda x: x.squeeze(-1).transpose(0, 1),
}


@dataclass(frozen=True)
class _Step:
    """One node, ready to be called: values by number, parameters by the module's key."""

    op: Op
    node: Node
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    params: tuple[tuple[str, str, bool], ...]
    masks: tuple[str | None, ...]
    out_masks: tuple[str | None, ...]
    masked: bool
    period: int


class _View(nn.Module):
    """Holds a Graph's parameters under its names, "/" for ".": what does not train is a buffer."""

    def __init__(self, graph: Graph, random: str) -> None:
        super().__init__()
        if random not in ("torch", "counter"):
            raise GraphError(f'random numbers come from "torch" or "counter", not {random!r}')
        self._source, self._random = graph, random
        for name, param in graph.params.items():
            self._register(name, param.trainable and param.format == "f32")
        self._mask_keys = {value: f"mask:{value}".replace(".", "/") for value in graph.masks}
        for value, key in self._mask_keys.items():
            mask = torch.tensor(graph.masks[value], dtype=torch.float32)
            self.register_buffer(key, mask, persistent=False)
        values = [p.value for p in graph.inputs] + [v for n in graph.nodes for v in n.outputs]
        self._numbers = {value: i for i, value in enumerate(values)}
        self._plan = [self._step(node) for node in graph.nodes]

    def _register(self, name: str, trains: bool) -> None:
        key = name.replace(".", "/")
        values = torch.tensor(self._source.params[name].values())
        try:
            if trains:
                self.register_parameter(key, nn.Parameter(values))
            else:
                self.register_buffer(key, values)
        except KeyError as e:
            raise GraphError(f"parameter name {name!r} is torch's own; rename it") from e

    def _step(self, node: Node) -> _Step:
        masks = tuple(self._mask_keys.get(v) for v in node.inputs)
        out_masks = tuple(self._mask_keys.get(v) for v in node.outputs)
        params = []
        for slot, name in node.params.items():
            key = name.replace(".", "/")
            params.append((slot, key, key in self._parameters))
        return _Step(
            OPS[node.op],
            node,
            tuple(self._numbers[v] for v in node.inputs),
            tuple(self._numbers[v] for v in node.outputs),
            tuple(params),
            masks,
            out_masks,
            any(masks + out_masks),
            self._source.period(node.inputs[0]),
        )

    def _slots(self, step: _Step) -> dict[str, Any]:
        trained, fixed = self._parameters, self._buffers
        return {slot: (trained if own else fixed)[key] for slot, key, own in step.params}

    def _run(self, step: _Step, first: int = 0) -> Run:
        if not step.masked:
            return Run(first, self._random)
        masks, out_masks = (
            tuple(None if key is None else self._mask(key) for key in keys)
            for keys in (step.masks, step.out_masks)
        )
        return Run(first, self._random, masks, out_masks)

    def _mask(self, key: str) -> Any:
        return self._buffers[key]

    def _start(self, inputs: list[Tensor]) -> list[Any]:
        """The list of values, the masked inputs filled in."""
        values: list[Any] = [None] * len(self._numbers)
        for i, (port, x) in enumerate(zip(self._source.inputs, inputs, strict=True)):
            key = self._mask_keys.get(port.value)
            values[i] = x if key is None else x * self._mask(key)
        return values

    def _keep(self, step: _Step, values: list[Any], outputs: tuple[Tensor, ...]) -> None:
        for i, key, y in zip(step.outputs, step.out_masks, outputs, strict=True):
            values[i] = y if key is None else y * self._mask(key)

    @property
    def graph(self) -> Graph:
        """The Graph as it was given; `graph.with_params(module)` takes trained values over."""
        return self._source


class GraphModule(_View):
    """A trainable view of an offline Graph.

    forward: one tensor per input port, in the port's layout -> the output port's tensor, or a
    tuple of them. Every masked value is multiplied by its mask; norms and means over channels take
    the live channels only. random: "torch" for training, "counter" for the runtime's noise.
    """

    def __init__(self, graph: Graph, random: str = "torch") -> None:
        if graph.streaming:
            raise GraphError(f"graph {graph.name!r} is streaming: use StreamModule")
        super().__init__(graph, random)
        self._run_plain = Run(0, random)
        self._ends = [(self._numbers[p.value], OUTWARD[p.layout]) for p in graph.outputs]

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Inputs in the order of the graph's input ports."""
        ports = self._source.inputs
        if len(inputs) != len(ports):
            raise GraphError(f"takes {', '.join(p.name for p in ports)}: {len(inputs)} given")
        turned = [_inward(p, x, self._source) for p, x in zip(ports, inputs)]
        values = self._start(turned)
        for step in self._plan:
            run = self._run(step) if step.masked else self._run_plain
            given = [values[i] for i in step.inputs]
            self._keep(step, values, step.op.reference(step.node, given, self._slots(step), run))
        results = tuple(turn(values[i]) for i, turn in self._ends)
        return results[0] if len(results) == 1 else results


class StreamModule(_View):
    """Plays a streaming Graph; keeps state and clock from call to call.

    forward: {port: (batch, steps, channels)} -> the same for the output ports; one call holds whole
    steps of the slowest value. Without gradient.
    """

    def __init__(self, graph: Graph, random: str = "counter") -> None:
        if not graph.streaming:
            raise GraphError(f"graph {graph.name!r} is not streaming: stream(graph) makes it so")
        super().__init__(graph, random)
        self._slowest = lcm(*(graph.period(v) for v in graph.shapes))
        self._slot_states: dict[str, list[tuple[str, str]]] = {n.name: [] for n in graph.nodes}
        for s in graph.states:
            self._slot_states[s.node].append((s.slot, s.name))
        self.reset()

    def reset(self) -> None:
        """Back to the first sample; the next call may have another batch size."""
        self._clock = 0
        self._state: dict[str, Tensor] = {}

    def get_state(self) -> dict[str, Tensor]:
        """A copy of every state by name, and "clock"; empty states before the first call."""
        copy = {name: value.clone() for name, value in self._state.items()}
        return copy | {"clock": torch.tensor(self._clock)}

    def set_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `get_state` gave; GraphError names a state that does not fit."""
        new = {name: value.clone() for name, value in state.items() if name != "clock"}
        shapes = {s.name: s.shape for s in self._source.states}
        for name in (set(new) ^ set(shapes)) if new else ():
            raise GraphError(f"state {name!r} is missing or unknown")
        for name, value in new.items():
            if tuple(value.shape[1:]) != shapes[name]:
                raise GraphError(f"state {name!r} is {tuple(value.shape[1:])}, not {shapes[name]}")
        self._state, self._clock = new, int(state["clock"])

    def _fresh(self, batch: int, kind: torch.dtype) -> dict[str, Tensor]:
        state = {}
        for s in self._source.states:
            value = torch.zeros(batch, *s.shape, dtype=STATE_TYPES.get(s.dtype, kind))
            if s.init is not None:
                key = s.init.replace(".", "/")
                first = self._parameters.get(key, self._buffers.get(key))
                value = value + first.detach().reshape(s.shape)  # type: ignore[union-attr]
            state[s.name] = value
        return state

    @torch.no_grad()
    def forward(self, ports: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The next stretch of every port."""
        samples = self._samples(ports)
        inputs = [ports[p.name] for p in self._source.inputs]
        if not self._state:
            self._state = self._fresh(inputs[0].shape[0], inputs[0].dtype)
        values, state = self._start(inputs), dict(self._state)
        for step in self._plan:
            given, names = [values[i] for i in step.inputs], self._slot_states[step.node.name]
            run = self._run(step, self._clock // step.period)
            kept = {slot: state[name] for slot, name in names}
            outputs, after = step.op.step(step.node, given, self._slots(step), kept, run)
            self._keep(step, values, outputs)
            state |= {name: after[slot] for slot, name in names}
        self._state, self._clock = state, self._clock + samples
        return {p.name: values[self._numbers[p.value]] for p in self._source.outputs}

    def _samples(self, ports: Mapping[str, Tensor]) -> int:
        """Clock samples of this call; GraphError where ports disagree."""
        wanted = {p.name: p for p in self._source.inputs}
        for name in sorted(set(wanted) ^ set(ports)):
            raise GraphError(f"port {name!r} is {'missing' if name in wanted else 'unknown'}")
        lengths = {n: x.shape[1] * self._source.period(wanted[n].value) for n, x in ports.items()}
        if len(set(lengths.values())) != 1:
            raise GraphError(f"ports differ in length, in samples: {lengths}")
        for name, x in ports.items():
            channels = self._source.shapes[wanted[name].value].channels
            if x.dim() != 3 or x.shape[2] != channels:
                raise GraphError(f"port {name!r} is {tuple(x.shape)}, not (B, T, {channels})")
        samples = next(iter(lengths.values()))
        if samples % self._slowest:
            raise GraphError(f"{samples} samples are no multiple of {self._slowest}")
        return samples


def _inward(port: Port, x: Tensor, graph: Graph) -> Tensor:
    if x.dim() != len(port.layout):
        raise GraphError(f"port {port.name!r} takes {port.layout}, not {tuple(x.shape)}")
    x = INWARD[port.layout](x)
    if x.shape[2] != graph.shapes[port.value].channels:
        channels = graph.shapes[port.value].channels
        raise GraphError(f"port {port.name!r} has {channels} channels, not {x.shape[2]}")
    return x
