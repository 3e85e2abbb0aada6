"""ONNX Runtime through I/O binding: one thread, all optimizations, state never leaves its buffers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgesynth.graph import Graph
from firmware_bridge.measure.float_mode import flushed
from firmware_bridge.measure.peers.base import Peer

RING = 8  # different inputs, played in turn
TRIALS = 3  # of each form of a call size, before the faster one is kept


def session(model: bytes) -> Any:
    """An ONNX Runtime session as fast as its own settings make it on one thread: all graph
    optimizations, weights turned to f32 at load. Its own setting for denormals is left alone: it
    would stay with the thread; what is timed runs inside `flushed`."""
    import onnxruntime as ort

    from targets.onnx import SESSION

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    for key, value in SESSION.items():
        options.add_session_config_entry(key, value)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Loop:
    """Calls of one size over one session.

    Two bindings alternate, so that the state written by one call is read by the next without a
    copy. Input arrays are the bound memory itself: what is copied into them is what the next call
    reads.
    """

    def __init__(self, made: Any, graph: Graph, states: Mapping[str, np.ndarray], frames: int) -> None:
        import onnxruntime as ort

        from targets.onnx_build import NEXT, STATE

        self.session, self.turn = made, 0
        sides = [{k: v.copy() for k, v in states.items()} for _ in range(2)]
        shapes = {p.name: (1, frames // graph.period(p.value), graph.shapes[p.value].channels) for p in graph.ports}
        self.inputs = {p.name: np.zeros(shapes[p.name], np.float32) for p in graph.inputs}
        self.outputs = {p.name: np.zeros(shapes[p.name], np.float32) for p in graph.outputs}
        value = ort.OrtValue.ortvalue_from_numpy  # borrows the array's memory on the CPU
        held = {id(a): value(a) for a in (*self.inputs.values(), *self.outputs.values(),
                                          *sides[0].values(), *sides[1].values())}
        asked = {i.name for i in made.get_inputs()}
        self.bindings = []
        for now, after in (sides, sides[::-1]):
            binding = made.io_binding()
            for name, array in self.inputs.items():
                if name in asked:
                    binding.bind_ortvalue_input(name, held[id(array)])
            for name, array in self.outputs.items():
                binding.bind_ortvalue_output(name, held[id(array)])
            for name, array in now.items():
                binding.bind_ortvalue_input(name, held[id(array)])
                binding.bind_ortvalue_output(NEXT + name.removeprefix(STATE), held[id(after[name])])
            self.bindings.append(binding)
        self.keep = held

    def __call__(self) -> None:
        """One inference."""
        self.session.run_with_iobinding(self.bindings[self.turn])
        self.turn ^= 1

    def feed(self, given: Mapping[str, np.ndarray]) -> None:
        """Copy (1, steps, channels) arrays into the bound inputs."""
        for name, array in given.items():
            np.copyto(self.inputs[name], array)


class OnnxRuntime(Peer):
    """The streaming step model in ONNX Runtime, in the largest whole number of hops that a block
    holds, or one hop every few blocks. Fresh input is copied in inside the timed call, as a host
    would. Of the model with a fixed and with a free length the faster one is timed."""

    def __init__(self, graph: Graph) -> None:
        from targets.onnx import export, initial_states, slowest_period

        self.graph = graph
        self.hop = slowest_period(graph)
        self.states = initial_states(graph)
        self.free = session(export(graph))
        self._loops: dict[int, Loop] = {}
        self._last: Loop | None = None
        self._per_block = 1.0

    def play(self, inputs: Mapping[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
        loop = Loop(self.free, self.graph, self.states, self.hop)
        parts: dict[str, list[np.ndarray]] = {p.name: [] for p in self.graph.outputs}
        for k in range(frames // self.hop):
            loop.feed(self._cut(inputs, k * self.hop, self.hop))
            loop()
            for name, array in loop.outputs.items():
                parts[name].append(array[0].T.copy())
        return {k: np.concatenate(v, axis=-1) for k, v in parts.items()}

    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
        frames = call_frames(block, self.hop)
        lengths = [inputs[p.name].shape[1] * self.graph.period(p.value) for p in self.graph.inputs]
        starts = range(0, max(1, min(lengths, default=0) - frames + 1), self.hop)
        feeds = [self._cut(inputs, start, frames) for start in starts[:RING]]
        loop = self._fastest(frames, feeds)
        taken = np.zeros(blocks)
        clock, done = time.perf_counter_ns, 0
        with flushed():
            for b in range(blocks):
                due = (b + 1) * block // frames
                while done < due:
                    feed = feeds[done % len(feeds)]
                    start = clock()
                    loop.feed(feed)
                    loop()
                    taken[b] += (clock() - start) / 1e3
                    done += 1
        self._last, self._per_block = loop, done / blocks
        return taken

    def call(self) -> None:
        if self._last is not None:
            self._last()

    @property
    def calls_per_block(self) -> float:
        return self._per_block

    def _cut(self, inputs: Mapping[str, np.ndarray], start: int, frames: int) -> dict[str, np.ndarray]:
        made = {}
        for port in self.graph.inputs:
            period = self.graph.period(port.value)
            part = inputs[port.name][:, start // period:(start + frames) // period]
            made[port.name] = np.ascontiguousarray(part.T[None], np.float32)
        return made

    def _fastest(self, frames: int, feeds: list[dict[str, np.ndarray]]) -> Loop:
        """The loop for calls of `frames` frames, in the form that is faster here."""
        from targets.onnx import export

        if frames not in self._loops:
            fixed = session(export(self.graph, frames // self.hop))
            loops = [Loop(s, self.graph, self.states, frames) for s in (fixed, self.free)]
            best = [np.inf, np.inf]
            for _ in range(TRIALS):
                for i, loop in enumerate(loops):
                    start = time.perf_counter_ns()
                    for feed in feeds:
                        loop.feed(feed)
                        loop()
                    best[i] = min(best[i], time.perf_counter_ns() - start)
            self._loops[frames] = loops[int(np.argmin(best))]
        return self._loops[frames]


def call_frames(block: int, hop: int) -> int:
    """Frames of one inference: the whole hops that a block holds, one hop at least."""
    return max(1, block // hop) * hop
