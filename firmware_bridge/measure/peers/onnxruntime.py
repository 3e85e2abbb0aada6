"""ONNX Runtime through I/O binding: one thread, all optimizations, state never leaves its buffers."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from edgesynth.graph import Graph
from firmware_bridge.measure.doors import doors_of, hop
from firmware_bridge.measure.peers.base import Peer


DTYPES = {"f4": np.float32, "i8": np.int64, "u4": np.uint32}


def initial_states(graph: Graph, names: list[str]) -> dict[str, np.ndarray]:
    """State inputs of the step model after a reset, by input name; `clock` where it is asked for."""
    made = {}
    for state in graph.states:
        shape = (1, *state.shape)
        made[f"state:{state.name}"] = (
            np.zeros(shape, DTYPES[state.dtype]) if state.init is None
            else graph.params[state.init].values().reshape(shape).astype(DTYPES[state.dtype])
        )
    made["clock"] = np.zeros((), np.int64)
    return {name: array for name, array in made.items() if name in names}


class OnnxRuntime(Peer):
    """The streaming step model in ONNX Runtime.

    Two bindings alternate, so that the state written by one call is read by the next without a
    copy; fresh input is copied into a bound buffer inside the timed call, as a host would.
    """

    def __init__(self, graph: Graph) -> None:
        import onnxruntime as ort

        from targets.onnx import export

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.ort = ort
        self.graph = graph
        self.hop = hop(doors_of(graph))
        self.session = ort.InferenceSession(export(graph), options, providers=["CPUExecutionProvider"])
        self.states = initial_states(graph, [i.name for i in self.session.get_inputs()])
        self._call = lambda: None
        self._per_block = 1.0

    def _steps(self, port: str, frames: int) -> int:
        value = next(p.value for p in self.graph.ports if p.name == port)
        return frames // self.graph.period(value)

    def _bind(self, frames: int) -> tuple[list[object], dict[str, object], dict[str, object]]:
        """(two bindings, input buffers, output buffers) for calls of `frames` frames."""
        value = self.ort.OrtValue.ortvalue_from_numpy
        inputs = {
            p.name: value(np.zeros((1, self._steps(p.name, frames), self.graph.shapes[p.value].channels), np.float32))
            for p in self.graph.inputs
        }
        outputs = {
            p.name: value(np.zeros((1, self._steps(p.name, frames), self.graph.shapes[p.value].channels), np.float32))
            for p in self.graph.outputs
        }
        sides = [self._fresh(), self._fresh()]
        made = []
        for a, b in ((0, 1), (1, 0)):
            binding = self.session.io_binding()
            for name, buffer in inputs.items():
                binding.bind_ortvalue_input(name, buffer)
            for name, buffer in outputs.items():
                binding.bind_ortvalue_output(name, buffer)
            for name in self.states:
                binding.bind_ortvalue_input(name, sides[a][name])
                binding.bind_ortvalue_output(f"next:{name.removeprefix('state:')}", sides[b][name])
            made.append(binding)
        return made, inputs, outputs

    def _fresh(self) -> dict[str, object]:
        """State buffers as after a reset."""
        return {name: self.ort.OrtValue.ortvalue_from_numpy(a.copy()) for name, a in self.states.items()}

    def play(self, inputs: Mapping[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
        parts: dict[str, list[np.ndarray]] = {p.name: [] for p in self.graph.outputs}
        bindings, bound, outputs = self._bind(self.hop)
        for k in range(frames // self.hop):
            for name, buffer in bound.items():
                n = self._steps(name, self.hop)
                buffer.update_inplace(np.ascontiguousarray(inputs[name][:, k * n:(k + 1) * n].T[None]))
            self.session.run_with_iobinding(bindings[k % 2])
            for name, buffer in outputs.items():
                parts[name].append(buffer.numpy()[0].T.copy())
        return {k: np.concatenate(v, axis=-1) for k, v in parts.items()}

    def time(self, inputs: Mapping[str, np.ndarray], block: int, blocks: int) -> np.ndarray:
        frames = max(block, self.hop) // self.hop * self.hop
        bindings, bound, _ = self._bind(frames)
        feeds = []
        for k in range(8):
            feed = {}
            for name in bound:
                n = self._steps(name, frames)
                at = k * n % max(1, inputs[name].shape[1] - n)
                feed[name] = np.ascontiguousarray(inputs[name][:, at:at + n].T[None])
            feeds.append(feed)
        taken = np.zeros(blocks)
        clock, due = time.perf_counter_ns, 0
        for b in range(blocks):
            # inferences due by the end of this block
            last = (b + 1) * block // frames if block < frames or block % frames else b + 1
            while due < last:
                binding, feed = bindings[due % 2], feeds[due % 8]
                start = clock()
                for name, buffer in bound.items():
                    buffer.update_inplace(feed[name])
                self.session.run_with_iobinding(binding)
                taken[b] += (clock() - start) / 1e3
                due += 1
        self._call = lambda: self.session.run_with_iobinding(bindings[0])
        self._per_block = due / blocks
        return taken

    def call(self) -> None:
        self._call()

    @property
    def calls_per_block(self) -> float:
        return self._per_block
