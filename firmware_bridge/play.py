"""Player: an artifact played by the C runtime, block by block, with named ports and events."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgesynth.errors import ArtifactError, InputError
from firmware_bridge.events import Event, event_rows
from firmware_bridge.library import ALIGN, ModelInfo, library, status_text
from firmware_bridge.ports import Port, read_ports, resolve

Ports = Mapping[str, Any]


class Player:
    """One stream of one artifact.

    artifact: bytes or a path. kernels: "best" or a table's name (`library.available_kernels`).
    Arrays are float32, (steps,) or (channels, steps); steps are frames for audio, steps of the
    port's period for frame ports. ArtifactError carries the runtime's status text.
    """

    def __init__(self, artifact: bytes | str | Path, kernels: str = "best") -> None:
        self._lib = library()
        self._blob, size = _aligned(_read(artifact))
        table = (
            self._lib.es_kernels_best() if kernels == "best"
            else self._lib.es_kernels_named(kernels.encode())
        )
        if not table:
            raise InputError(f"kernels {kernels!r} are not in this build or not of this processor")
        self.kernels: str = self._lib.es_kernels_name(table).decode()
        self._model, self._model_memory = self._open(
            "es_model_open", _pointer(self._blob), size, table
        )
        self._voice, self._voice_memory = self._open("es_voice_open", self._model)
        info = ModelInfo()
        self._check(self._lib.es_model_describe(self._model, ctypes.byref(info)))
        self._info = info
        self.inputs, self.outputs = read_ports(self._lib, self._model, info)

    @property
    def rate(self) -> float:
        """Frames per second; 0 where the net has no rate of its own."""
        return float(self._info.rate)

    @property
    def latency(self) -> int:
        """Frames from a change at an input to its place in the output."""
        return int(self._info.latency)

    @property
    def chunk(self) -> int:
        """Frames of one inner pass."""
        return int(self._info.chunk)

    @property
    def ports(self) -> tuple[Port, ...]:
        """All ports, inputs first, in the artifact's order."""
        return self.inputs + self.outputs

    @property
    def manifest(self) -> dict[str, Any]:
        """What the artifact says of itself; empty where it says nothing. ArtifactError where that
        is no JSON object."""
        if not self._info.manifest:
            return {}
        raw = ctypes.string_at(self._info.manifest, self._info.manifest_bytes)
        try:
            found = json.loads(raw)
        except ValueError as error:
            raise ArtifactError(f"the artifact's manifest is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise ArtifactError("the artifact's manifest is no JSON object")
        return found

    @property
    def clock(self) -> int:
        """Frames since the last reset."""
        return int(self._lib.es_voice_clock(self._voice))

    @property
    def state_bytes(self) -> int:
        """Bytes that `save` gives."""
        return int(self._info.state_bytes)

    @property
    def arena_bytes(self) -> int:
        """Bytes of scratch memory that no call keeps."""
        return int(self._info.arena_bytes)

    @property
    def voice_bytes(self) -> int:
        """Bytes of memory of this stream, arena and state included."""
        return int(self._info.voice_bytes)

    @property
    def voice(self) -> int:
        """The address of the es_voice, for C code that drives it; lives as long as the Player."""
        return int(self._voice)

    def port(self, name: str) -> Port:
        """The port of that name; InputError names the nearest."""
        return resolve(name, self.ports)

    def check_ports(self, ports: Ports, clip: bool = False) -> None:
        """Raise InputError where a name is no input port, a value is not finite, or a control lies
        outside its range (let through by `clip`)."""
        for name, value in ports.items():
            resolve(name, self.inputs).check(np.asarray(value, np.float32), clip)

    def process(
        self, ports: Ports | np.ndarray | None = None, events: Sequence[Event] = (),
        frames: int | None = None, clip: bool = False,
    ) -> Any:
        """Render one block.

        ports: input arrays by name, or the array of a lone audio input. A control takes a number
        (a change at the block's first frame, with the port's own ramp) or one value per frame.
        frames: the block's length, else that of the audio inputs or per-frame controls. clip:
        controls outside their range are clipped, not refused. Returns output arrays by name, or a
        lone audio output's array; one channel gives (steps,), more (channels, steps).
        """
        given = self._named(ports)
        frames = self._frames(given, frames)
        extra, feeds = [], []
        for i, port in enumerate(self.inputs):
            value = given.pop(port.name, None)
            array = None if value is None else np.asarray(value, np.float32)
            if array is not None:
                port.check(array, clip)
            if array is not None and port.kind == "control" and array.ndim == 0:
                extra.append(Event(0, "control", i, float(array)))
                array = None
            steps = frames if port.kind == "control" else self.due(port.period, frames)
            feeds.append(port.shaped(array, steps))
        rows, count = event_rows(extra, events, self.inputs, frames, clip)
        results = [
            np.zeros((p.channels, self.due(p.period, frames)), np.float32) for p in self.outputs
        ]
        self._check(
            self._lib.es_voice_process(
                self._voice, frames, _pointers(feeds), _pointers(results), rows, count
            )
        )
        out = {p.name: r[0] if p.channels == 1 else r for p, r in zip(self.outputs, results)}
        lone = len(self.outputs) == 1 and self.outputs[0].kind == "audio"
        return out[self.outputs[0].name] if lone else out

    def due(self, period: int, frames: int) -> int:
        """Steps of `period` that fall into the next `frames` frames."""
        return int(self._lib.es_voice_due(self._voice, period, frames))

    def reset(self) -> None:
        """Back to the start: clock 0, default controls, initial state."""
        self._check(self._lib.es_voice_reset(self._voice))

    def save(self) -> bytes:
        """The stream's state; `load` of a Player of the same net takes it, on any kernels."""
        room = ctypes.create_string_buffer(self.state_bytes)
        self._check(self._lib.es_voice_save(self._voice, room, self.state_bytes))
        return room.raw

    def load(self, state: bytes) -> None:
        """Take over a saved state; on ArtifactError nothing has changed."""
        if len(state) < self.state_bytes:
            raise ArtifactError(
                f"the saved state is {len(state)} bytes, shorter than the {self.state_bytes} of "
                "this net: the file is damaged, or of another net"
            )
        self._check(self._lib.es_voice_load(self._voice, state, len(state)))

    def self_test(self) -> float:
        """Play the artifact's own test vectors and reset: the largest absolute error.
        ArtifactError where it has none or the error passes their tolerance."""
        worst = ctypes.c_float()
        status = self._lib.es_voice_self_test(self._voice, ctypes.byref(worst))
        self._check(status, f" (largest error {worst.value:g})" if worst.value else "")
        return float(worst.value)

    def _named(self, ports: Ports | np.ndarray | None) -> dict[str, Any]:
        if ports is None:
            return {}
        if isinstance(ports, Mapping):
            for name in ports:
                resolve(name, self.inputs)
            return dict(ports)
        audio = [p for p in self.inputs if p.kind == "audio"]
        if len(audio) != 1:
            names = ", ".join(p.name for p in self.inputs)
            raise InputError(f"give the inputs by name (ports: {names or 'none'})")
        return {audio[0].name: ports}

    def _frames(self, given: Ports, frames: int | None) -> int:
        for port in self.inputs:
            value = given.get(port.name)
            if frames is not None or value is None or port.kind not in ("audio", "control"):
                continue
            if np.ndim(value):
                frames = np.shape(value)[-1]
        if frames is None:
            raise InputError("say how many frames to render: no input tells it")
        if not 1 <= frames < 2**32:
            raise InputError(f"a block of {frames} frames: at least 1")
        return frames

    def _open(self, name: str, *source: Any) -> tuple[Any, np.ndarray]:
        function = getattr(self._lib, name)
        size, handle = ctypes.c_size_t(), ctypes.c_void_p()
        self._check(function(*source, None, ctypes.byref(size), None))
        try:
            memory, _ = _aligned(None, size.value)
        except MemoryError:
            raise ArtifactError(f"the net asks for {size.value} bytes of memory") from None
        self._check(function(*source, _pointer(memory), ctypes.byref(size), ctypes.byref(handle)))
        return handle.value, memory

    def _check(self, status: int, more: str = "") -> None:
        if status != 0:
            raise ArtifactError(status_text(status) + more)


def _read(artifact: bytes | str | Path) -> bytes:
    if isinstance(artifact, (bytes, bytearray, memoryview)):
        return bytes(artifact)
    try:
        return Path(artifact).read_bytes()
    except OSError as error:
        raise InputError(f"{artifact}: {error.strerror or error}") from None


def _aligned(data: bytes | None, size: int = 0) -> tuple[np.ndarray, int]:
    """(aligned copy of `data`, or `size` zero bytes, with some room behind; their number)."""
    size = size if data is None else len(data)
    room = np.zeros(size + 2 * ALIGN, np.uint8)  # never an empty block: numpy moves those
    block = room[-room.ctypes.data % ALIGN :]
    if data:
        block[:size] = np.frombuffer(data, np.uint8)
    return block, size


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _pointers(arrays: Sequence[np.ndarray | None]) -> Any:
    """C pointers of arrays that the caller keeps alive; None is NULL."""
    return (ctypes.c_void_p * max(1, len(arrays)))(
        *[None if a is None else a.ctypes.data for a in arrays]
    )
