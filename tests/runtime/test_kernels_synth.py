"""Kernels of sound (harmonic, noise, fir) against NumPy in float64, written from docs/ops.md."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_spec = importlib.util.spec_from_file_location(
    "kernel_bed", Path(__file__).with_name("kernel_bed.py")
)
assert _spec and _spec.loader
bed = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bed)

Case = tuple[dict[str, Any], list[np.ndarray], Callable[[], np.ndarray], float]
FRAMES = 9
BAD = [("ins", [(1, 16), (1, 16), (5, 8)]), ("attrs", [0, 16000.0, 0]), ("attrs", [16, 0.0, 0]),
       ("attrs", [16, float("nan"), 0]), ("states", [("i8", 1), ("i8", 1), ("f4", 10)]),
       ("states", [("i8", 1), ("f4", 2), ("f4", 10)]), ("attrs", [16, 16000.0, -1])]


@pytest.fixture(scope="module")
def library(tmp_path_factory: Any) -> Any:
    return bed.build(tmp_path_factory.getbasetemp() / "kernels", bed.supported())


def harmonic(
    bank: int, hop: int, rate: float, low: float, high: float, start: int = 0, period: int = 1
) -> Case:
    rng = np.random.default_rng(bank)
    f0 = rng.uniform(low, high, (FRAMES, 1)).astype("f4")
    f0[4] = np.nan
    loud = rng.uniform(0, 0.9, (FRAMES, 1)).astype("f4")
    share = rng.uniform(0, 1, (FRAMES, bank)).astype("f4")
    share[5] = 0
    wide = hop * period
    spec = dict(op="harmonic", ins=[(1, wide), (1, wide), (bank, wide)], out=(1, period),
                states=[("i8", 1), ("i8", 2), ("f4", 2 * bank)], attrs=[hop, float(rate), start])

    def reference() -> np.ndarray:
        number = np.arange(1, bank + 1)
        live = number.astype("f4") * f0 < np.float32(rate / 2)
        total = np.where(live, share, 0).astype("f8").sum(1, keepdims=True)
        amp = np.where(live & (total > 0), loud * share / np.where(total > 0, total, 1), 0)
        turns = np.rint(np.where(f0 > 0, f0, 0).astype("f8") * 2.0**32 / rate)
        inc = [min(int(i), 2**31 - 1) for i in turns[:, 0]]
        y, phase = np.zeros(FRAMES * hop), 0
        for k in range(start + 1, FRAMES):
            slope = ((inc[k] - inc[k - 1]) << 32) // hop
            for j in range(hop):
                p = phase >> 32
                a = amp[k - 1] + (amp[k] - amp[k - 1]) * j / hop
                angle = np.array([(int(h) * p) % 2**32 for h in number]) * (2 * np.pi / 2**32)
                y[k * hop + j] = (a * np.sin(angle)).sum()
                phase = (phase + (inc[k - 1] << 32) + j * slope) % 2**64
        return y[:, None]

    return spec, [f0, loud, share], reference, 1e-6


def mix(x: int) -> int:
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def noise(bands: int, hop: int, seed: int, start: int = 0, period: int = 1) -> Case:
    x = np.random.default_rng(bands).uniform(0, 1, (FRAMES, bands)).astype("f4")
    taps = 2 * (bands - 1)
    spec = dict(op="noise", ins=[(bands, hop * period)], out=(1, period),
                states=[("f4", taps), ("f4", taps)], attrs=[hop, seed, start])

    def reference() -> np.ndarray:
        m, b = np.arange(taps), np.arange(bands)[:, None]
        weight = np.where((b == 0) | (b == bands - 1), 1, 2)
        basis = weight * np.cos(2 * np.pi * b * (m - taps // 2) / taps)
        h = x.astype("f8") @ basis * np.sin(np.pi * m / taps) ** 2 / taps
        y = np.zeros(FRAMES * hop + taps)
        for n in range(start * hop, FRAMES * hop):
            word = mix((n - start * hop) ^ mix(mix(seed & 0xFFFFFFFF)))
            u = np.float32(word - (word >> 31 << 32)) * np.float32(2**-31)
            y[n : n + taps] += float(u) * h[n // hop]
        return y[: FRAMES * hop, None]

    return spec, [x], reference, 2e-6


def fir(n: int, start: int = 0) -> Case:
    rng = np.random.default_rng(n)
    x, taps = (rng.standard_normal(k).astype("f4") for k in (300, n))
    spec = dict(op="fir", ins=[(1, 1)], out=(1, 1), params=[(taps, 1, 1, None)],
                states=[("f4", n - 1)], attrs=[start])
    late = np.where(np.arange(300) < start, 0, x).astype("f8")
    y = np.convolve(late, taps.astype("f8"))[:300, None]
    return spec, [x[:, None]], lambda: y, 8e-6 * n**0.5


CASES: dict[str, Case] = {
    "harmonic one": harmonic(1, 16, 16000, 80, 90),
    "harmonic 60": harmonic(60, 64, 16000, 60, 900),
    "harmonic 100": harmonic(100, 96, 48000, 200, 8000),
    "harmonic odd": harmonic(7, 37, 44100, 20, 40, start=3),
    "harmonic period": harmonic(5, 10, 16000, 100, 300, start=1, period=3),
    "harmonic above": harmonic(5, 8, 16000, 6000, 20000),
    "harmonic below": harmonic(3, 10, 16000, -50, 50),
    "noise 2": noise(2, 5, 1), "noise 17": noise(17, 64, 2), "noise 65": noise(65, 64, -3),
    "noise long": noise(33, 13, 4, start=2), "noise hop 1": noise(5, 1, 5),
    "noise period": noise(9, 10, 6, start=1, period=3),
    **{f"fir {n}": fir(n) for n in (1, 2, 7, 64, 65, 200)}, "fir start": fir(20, start=50),
}


@pytest.mark.parametrize("isa", bed.supported())
@pytest.mark.parametrize("name", CASES)
def test_equals_numpy_at_any_split(library: Any, isa: str, name: str) -> None:
    spec, inputs, reference, tolerance = CASES[name]
    total = len(inputs[0]) * spec["ins"][0][1]
    first: np.ndarray | None = None
    for chunk, blocks in ((c, b) for c in (64, 200) for b in bed.splits(total, c, seed=c)):
        node = bed.Bed(library, isa, chunk=chunk, **spec)
        assert node.status == 0
        y = node.run(inputs, blocks)
        if first is None:
            first = y
            np.testing.assert_allclose(y, reference(), rtol=0, atol=tolerance)
        assert y.tobytes() == first.tobytes()


def test_random_numbers_go_on_past_32_bits(library: Any) -> None:
    spec, inputs, _, _ = noise(2, 64, 9)
    runs = []
    for isa in bed.supported():
        node = bed.Bed(library, isa, **spec)
        clock = 2**32 - 64
        node_run = node.run([inputs[0][:3]], [64, 64, 64], clock=clock)
        u = []
        for n in range(clock, clock + 192):
            word = mix((n & 0xFFFFFFFF) ^ mix((n >> 32) ^ mix(9)))
            u.append((word - (word >> 31 << 32)) * 2.0**-31)
        gain = (inputs[0][:3].astype("f8").sum(1) / 2).repeat(64)
        expected = np.concatenate([[0.0], (np.array(u) * gain)[:-1]])
        np.testing.assert_allclose(node_run[:, 0], expected, atol=1e-6)
        runs.append(node_run)
    assert all(np.abs(r - runs[0]).max() < 1e-6 for r in runs)


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_harmonic_that_does_not_fit_is_refused(library: Any, field: str, value: Any) -> None:
    spec = {**harmonic(5, 16, 16000, 80, 90)[0], field: value}
    assert bed.Bed(library, "scalar", **spec).status == -11
