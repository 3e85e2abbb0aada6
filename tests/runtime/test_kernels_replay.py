"""Every kernel case on NEON (AArch64, ARMv7) under an emulator, and under sanitizers here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent


def _beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"{name}_cases", HERE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bed = _beside("kernel_bed")
CASES = {**_beside("test_kernels_nets").CASES, **_beside("test_kernels_synth").CASES}
IDS = {"linear": 1, "conv1d": 2, "gru": 3, "layer_norm": 4, "activation": 5, "unary": 6,
       "binary": 7, "concat": 8, "slice": 9, "reduce": 10, "delay": 12, "harmonic": 13,
       "noise": 14, "fir": 15}
ZIG = [sys.executable, "-m", "ziglang", "cc", "-DES_ISA_NEON=1", "-static", "-O2"]
SAN = ["cc", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# name: compiler, emulator
PLACES: dict[str, tuple[list[str], list[str]]] = {
    "aarch64": ([*ZIG, "-target", "aarch64-linux-musl"], ["qemu-aarch64", "-cpu", "cortex-a72"]),
    "armv7": ([*ZIG, "-target", "arm-linux-musleabihf", "-mcpu=cortex_a8"],
              ["qemu-arm", "-cpu", "cortex-a8"]),
    **{f"{isa}, sanitized": ([*SAN, *bed.ISAS[isa]], [])
       for isa in dict.fromkeys((bed.supported()[0], bed.supported()[-1]))},
}


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def record(spec: dict[str, Any], inputs: Sequence[np.ndarray], calls: Sequence[int]) -> bytes:
    params, states = spec.get("params", []), spec.get("states", [])
    attrs, values = spec.get("attrs", []), [*spec["ins"], spec["out"]]
    parts = [words(IDS[spec["op"]], spec["out"][1], 64, len(inputs), len(params), len(states),
                   len(attrs), len(calls))]
    parts += [words(*value) for value in values]
    for param in params:
        if param is None:
            parts.append(words(0))
            continue
        array, layout, blocks, scale = param
        pack = {1: bed.vector, 2: bed.panels}[layout]
        data = np.ascontiguousarray(pack(array, blocks)).tobytes()
        scales = b"" if scale is None else bed.vector(scale, blocks).tobytes()
        dims = (*array.shape, 1, 1, 1, 1)[:4]
        parts.append(words(1, int(array.dtype == np.int8), layout, blocks, array.ndim, *dims))
        parts += [words(len(data), len(scales)), data, scales]
    parts += [words(bed.DTYPES[dtype], n) for dtype, n in states]
    parts += [struct.pack("<f" if isinstance(a, float) else "<i", a) for a in attrs]
    parts.append(words(*calls))
    for x in inputs:
        parts += [words(x.size), x.astype("<f4").tobytes()]
    return b"".join(parts)


def compile_replay(folder: Path, compiler: Sequence[str]) -> Path:
    runtime = bed.RUNTIME
    sources = [HERE / "kernel_replay.c", runtime / "src" / "kernels.c",
               *sorted((runtime / "src" / "ops").glob("*.c"))]
    program = folder / "replay"
    places = [f"-I{runtime / 'include'}", f"-I{runtime / 'src'}"]
    subprocess.run(
        [*compiler, "-std=c11", "-ffp-contract=off", *places, *map(str, sources),
         "-o", str(program)], check=True,
    )
    return program


@pytest.mark.parametrize("place", PLACES)
def test_equals_numpy_at_any_split(place: str, tmp_path: Path) -> None:
    compiler, emulator = PLACES[place]
    if emulator and (
        importlib.util.find_spec("ziglang") is None or shutil.which(emulator[0]) is None
    ):
        pytest.skip(f"needs ziglang and {emulator[0]}")
    jobs = []
    for name, (spec, inputs, _, _) in CASES.items():
        total = len(inputs[0]) * spec["ins"][0][1]
        jobs += [(name, spec, inputs, calls) for calls in bed.splits(total, 64, seed=3)]
    text = b"".join(record(*job[1:]) for job in jobs)
    program = compile_replay(tmp_path, compiler)
    out = subprocess.run(
        [*emulator, program], input=text, stdout=subprocess.PIPE, check=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    at, first = 0, {}
    for name, *_ in jobs:
        status, count = struct.unpack_from("<iI", out.stdout, at)
        assert status == 0, name
        y = np.frombuffer(out.stdout, "<f4", count, at + 8)
        at += 8 + 4 * count
        if name not in first:
            first[name] = y
            exact, tolerance = CASES[name][2](), CASES[name][3]
            np.testing.assert_allclose(
                y.reshape(exact.shape), exact, rtol=0, atol=tolerance, err_msg=name
            )
        assert y.tobytes() == first[name].tobytes(), name
    assert at == len(out.stdout)
