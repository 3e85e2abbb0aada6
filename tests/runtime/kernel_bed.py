"""Runs one op of the compiled kernel tables through ctypes: net.h in Python, any block split."""

from __future__ import annotations

import ctypes as c
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

RUNTIME = Path(__file__).resolve().parents[2] / "firmware_bridge" / "runtime"
ISAS = {
    "scalar": [],
    "avx2": ["-DES_ISA_AVX2=1", "-mavx2", "-mfma"],
    "avx512": ["-DES_ISA_AVX512=1", *(f"-mavx512{x}" for x in ("f", "dq", "bw", "vl")), "-mfma"],
}
u32, ptr = c.c_uint32, c.c_void_p
DTYPES = {"f4": 0, "i8": 1, "u4": 2}


def _struct(name: str, *fields: tuple[str, Any]) -> Any:
    return type(name, (c.Structure,), {"_fields_": list(fields)})


Value = _struct(
    "Value", *((n, u32) for n in ("channels", "period", "stride", "offset", "capacity"))
)
Param = _struct(
    "Param", ("data", ptr), ("scale", ptr), ("format", u32), ("layout", u32), ("blocks", u32),
    ("rank", u32), ("dims", u32 * 4),
)
State = _struct("State", *((n, u32) for n in ("dtype", "elements", "init", "offset")))
Node = _struct(
    "Node", ("op", u32), ("period", u32), ("n_in", u32), ("n_out", u32), ("n_par", u32),
    ("n_state", u32), ("n_attr", u32), ("in_", ptr), ("out", ptr), ("par", ptr), ("state", ptr),
    ("attr", ptr),
)
Net = _struct(
    "Net", ("values", ptr), ("params", ptr), ("states", ptr), ("nodes", ptr), ("n_values", u32),
    ("n_params", u32), ("n_states", u32), ("n_nodes", u32), ("chunk", u32), ("arena", u32),
    ("rate", c.c_float),
)
Call = _struct(
    "Call", ("net", ptr), ("node", ptr), ("clock", c.c_uint64), ("frames", u32), ("count", u32),
    ("in_", ptr), ("out", ptr), ("state", ptr), ("prepared", ptr), ("scratch", ptr),
)
_net_node = (ptr, ptr)
OpRow = _struct(
    "OpRow", ("id", u32), ("name", c.c_char_p), ("check", c.CFUNCTYPE(c.c_int, *_net_node)),
    ("scratch", c.CFUNCTYPE(c.c_size_t, *_net_node)),
    ("prepared", c.CFUNCTYPE(c.c_size_t, *_net_node)),
    ("prepare", c.CFUNCTYPE(None, ptr, ptr, ptr)), ("reset", c.CFUNCTYPE(None, ptr)),
    ("run", c.CFUNCTYPE(None, ptr)),
)


def supported() -> list[str]:
    """The instruction sets that this processor runs."""
    flags = Path("/proc/cpuinfo").read_text()
    wanted = {"avx2": "avx2", "avx512": "avx512vl"}
    return [isa for isa in ISAS if wanted.get(isa, "") in flags]


def build(folder: Path, isas: Sequence[str]) -> c.CDLL:
    """A shared library in `folder`, made once: kernels and test doors per instruction set."""
    library = folder / "kernels.so"
    if library.exists():
        return c.CDLL(str(library))
    folder.mkdir(exist_ok=True)
    sources = sorted((RUNTIME / "src" / "ops").glob("*.c"))
    sources += [RUNTIME / "src" / "kernels.c", Path(__file__).with_name("vector_math_door.c")]

    def one(job: tuple[str, Path]) -> str:
        isa, source = job
        out = folder / f"{isa}-{source.stem}.o"
        flags = ["-std=c11", "-O2", "-fPIC", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
        places = [f"-I{RUNTIME / 'include'}", f"-I{RUNTIME / 'src'}"]
        subprocess.run(["cc", *flags, *places, *ISAS[isa], "-c", source, "-o", out], check=True)
        return str(out)

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(one, [(isa, s) for isa in isas for s in sources]))
    subprocess.run(["cc", "-shared", "-o", library, *objects], check=True)
    return c.CDLL(str(library))


def padded(n: int) -> int:
    return -(-n // 16) * 16


def panels(w: np.ndarray, blocks: int = 1) -> np.ndarray:
    """(out, in[, taps]) as [block][panel][tap][in][16], by loops over its definition."""
    w = w if w.ndim == 3 else w[:, :, None]
    part = w.shape[0] // blocks
    out = np.zeros((blocks, padded(part) // 16, w.shape[2], w.shape[1], 16), w.dtype)
    for b in range(blocks):
        for o in range(part):
            out[b, o // 16, :, :, o % 16] = w[b * part + o].T
    return out


def vector(v: np.ndarray, blocks: int = 1) -> np.ndarray:
    out = np.zeros((blocks, padded(len(v) // blocks)), v.dtype)
    out[:, : len(v) // blocks] = v.reshape(blocks, -1)
    return out


class Bed:
    """One node. ins: (channels, period) each; out likewise; params: None or (array, layout, blocks,
    scale); states: (dtype, elements); attrs: int or float each."""

    def __init__(
        self, library: c.CDLL, isa: str, op: str, ins: Sequence[tuple[int, int]],
        out: tuple[int, int], params: Sequence[Any] = (), states: Sequence[tuple[str, int]] = (),
        attrs: Sequence[int | float] = (), chunk: int = 64,
    ) -> None:
        table = (ptr * 2).in_dll(library, f"es_kernels_{isa}")
        rows = c.cast(table[1], c.POINTER(ptr))
        i = 0
        while c.cast(rows[i], c.POINTER(OpRow)).contents.name.decode() != op:
            i += 1
        self.op = c.cast(rows[i], c.POINTER(OpRow)).contents
        self.ins, self.out, self.chunk, self.keep = list(ins), out, chunk, []
        values = []
        for channels, period in [*ins, out]:
            stride = 1 if channels == 1 else padded(channels)
            values.append(Value(channels, period, stride, 0, -(-chunk // period)))
        self.values = self._array(Value, values)
        rows_p = [self._param(*p) for p in params if p is not None]
        places = iter(range(len(rows_p)))
        par = [0xFFFFFFFF if p is None else next(places) for p in params]
        self.state = [self._aligned(max(n, 1) * (8 if d == "i8" else 4)) for d, n in states]
        state_rows = [State(DTYPES[d], n, 0xFFFFFFFF, 0) for d, n in states]
        words = np.zeros(max(1, len(attrs)), np.uint32)
        for k, a in enumerate(attrs):
            kind = np.float32 if isinstance(a, float) else np.int64
            words[k] = np.array([a], kind).view(np.uint32)[0]
        self.words = words
        n = len(values) - 1
        self.node = Node(
            self.op.id, out[1], n, 1, len(par), len(states), len(attrs),
            self._list(range(n)), self._list([n]), self._list(par), self._list(range(len(states))),
            words.ctypes.data,
        )
        self.net = Net(
            c.addressof(self.values), c.addressof(self._array(Param, rows_p)),
            c.addressof(self._array(State, state_rows)), c.addressof(self.node), len(values),
            len(rows_p), len(states), 1, chunk, 0, 0.0,
        )
        self.where = (c.addressof(self.net), c.addressof(self.node))
        self.status = self.op.check(*self.where)
        if self.status == 0:
            self.scratch = self._aligned(self.op.scratch(*self.where) if self.op.scratch else 0)
            self.prepared = self._aligned(self.op.prepared(*self.where) if self.op.prepared else 0)
            if self.op.prepare:
                self.op.prepare(*self.where, self.prepared.ctypes.data)

    def _array(self, kind: Any, rows: Sequence[Any]) -> Any:
        self.keep.append((kind * max(1, len(rows)))(*rows))
        return self.keep[-1]

    def _list(self, numbers: Any) -> int:
        return c.addressof(self._array(u32, list(numbers)))

    def _aligned(self, size: int) -> np.ndarray:
        raw = np.zeros(size + 128, np.uint8)
        at = -raw.ctypes.data % 64
        self.keep.append(raw)
        return raw[at : at + size + 64]

    def _param(self, array: np.ndarray, layout: int, blocks: int, scale: Any) -> Any:
        pack = {0: lambda a, b: a, 1: vector, 2: panels}[layout]
        data = self._aligned(0)
        flat = np.ascontiguousarray(pack(array, blocks)).view(np.uint8).reshape(-1)
        data = self._aligned(flat.size)
        data[: flat.size] = flat
        at = None
        if scale is not None:
            s = np.ascontiguousarray(vector(scale, blocks)).view(np.uint8).reshape(-1)
            row = self._aligned(s.size)
            row[: s.size] = s
            at = row.ctypes.data
        dims = (u32 * 4)(*(list(array.shape) + [1] * 4)[:4])
        return Param(
            data.ctypes.data, at, int(array.dtype == np.int8), layout, blocks, array.ndim, dims
        )

    def run(
        self, inputs: Sequence[np.ndarray], blocks: Sequence[int], clock: int = 0
    ) -> np.ndarray:
        """Inputs (steps, channels) from `clock`; blocks: frames of each call. Padding, spare floats
        and scratch hold NaN. Returns (steps, channels)."""
        pieces, at = [], [0] * len(inputs)
        for frames in blocks:
            due = [-(-(clock + frames) // p) - -(-clock // p) for _, p in [*self.ins, self.out]]
            arena = [self._edge(n, v) for n, v in zip(due, self.values, strict=True)]
            for i, x in enumerate(inputs):
                width = self.ins[i][0]
                arena[i][: due[i], :width] = x[at[i] : at[i] + due[i]]
                at[i] += due[i]
            self.scratch.view(np.uint8)[:] = 0xFF
            pointers = (ptr * (len(arena)))(*(a.ctypes.data for a in arena))
            states = (ptr * max(1, len(self.state)))(*(s.ctypes.data for s in self.state))
            last = c.addressof(pointers) + (len(arena) - 1) * c.sizeof(ptr)
            call = Call(
                *self.where, clock, frames, due[-1], c.addressof(pointers), last,
                c.addressof(states), self.prepared.ctypes.data, self.scratch.ctypes.data,
            )
            if due[-1]:
                self.op.run(c.addressof(call))
            pieces.append(arena[-1][: due[-1], : self.out[0]].copy())
            clock += frames
        return np.concatenate(pieces)

    def _edge(self, steps: int, value: Any) -> np.ndarray:
        raw = self._aligned((value.capacity * value.stride + 16) * 4)[:-64].view(np.float32)
        raw[:] = np.nan
        self.keep.pop()
        rows = value.capacity * value.stride
        return raw[:rows].reshape(value.capacity, value.stride)


def splits(total: int, chunk: int, seed: int) -> list[list[int]]:
    """Ways to cut `total` frames into calls of at most `chunk`: whole chunks, ones, at random."""
    rng = np.random.default_rng(seed)
    odd: list[int] = []
    while sum(odd) < total:
        odd.append(min(int(rng.integers(1, chunk + 1)), total - sum(odd)))
    whole = [chunk] * (total // chunk) + ([total % chunk] if total % chunk else [])
    return [whole, [1] * total, odd]
