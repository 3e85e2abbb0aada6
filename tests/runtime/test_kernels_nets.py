"""Kernels of nets (linear, conv1d, gru, norm, elementwise, routing) against NumPy in float64."""

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
STEPS, PERIOD = 37, 3


@pytest.fixture(scope="module")
def library(tmp_path_factory: Any) -> Any:
    return bed.build(tmp_path_factory.getbasetemp() / "kernels", bed.supported())


def rand(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng([seed, *shape]).standard_normal(shape) * scale).astype("f4")


def weight(*shape: int, coded: bool) -> tuple[tuple[Any, ...], np.ndarray]:
    """(parameter in panels, its values in float64)."""
    if not coded:
        w = rand(*shape, seed=5, scale=(1 / shape[1]) ** 0.5)
        return (w, 2, 1, None), w.astype("f8")
    rng = np.random.default_rng(6)
    codes = rng.integers(-127, 128, shape).astype("i1")
    scale = (rng.random(shape[0]) * 0.01 + 0.001).astype("f4")
    values = codes.astype("f8") * scale.reshape(-1, *[1] * (len(shape) - 1))
    return (codes, 2, 1, scale), values


def linear(i: int, o: int, coded: bool = False, bias: bool = True) -> Case:
    par, w = weight(o, i, coded=coded)
    x, b = rand(STEPS, i), rand(o, seed=2)
    spec = dict(op="linear", ins=[(i, PERIOD)], out=(o, PERIOD),
                params=[par, (b, 1, 1, None) if bias else None])
    tol = 1e-6 * float((np.abs(x) @ np.abs(w.T)).max() + 1)
    return spec, [x], lambda: x.astype("f8") @ w.T + (b if bias else 0), tol


def conv(i: int, o: int, k: int, d: int, g: int = 1, coded: bool = False, start: int = 0) -> Case:
    par, w = weight(o, i // g, k, coded=coded)
    x, b = rand(STEPS, i), rand(o, seed=2)
    reach = (k - 1) * d
    spec = dict(op="conv1d", ins=[(i, PERIOD)], out=(o, PERIOD),
                params=[par, (b, 1, 1, None)], states=[("f4", reach * i)],
                attrs=[d, g, reach, 0, start])

    def reference() -> np.ndarray:
        line = np.concatenate([np.zeros((reach, i)), x.astype("f8")])
        line[: reach + start] = 0
        y = np.tile(b.astype("f8"), (STEPS, 1))
        for out in range(o):
            group = out // (o // g) * (i // g)
            for tap in range(k):
                rows = line[tap * d : tap * d + STEPS, group : group + i // g]
                y[:, out] += rows @ w[out, :, tap]
        return y

    return spec, [x], reference, 1e-6 * (10 + k * i // g)


def gru(i: int, h: int, coded: bool = False, start: int = 0) -> Case:
    def three(n: int, seed: int) -> tuple[tuple[Any, ...], np.ndarray]:
        par, w = weight(3 * h, n, coded=coded)
        return (par[0], 2, 3, par[3]), w

    (pi, wi), (ph, wh) = three(i, 1), three(h, 2)
    bi, bh, x = rand(3 * h, seed=3), rand(3 * h, seed=4), rand(STEPS, i)
    spec = dict(op="gru", ins=[(i, PERIOD)], out=(h, PERIOD), states=[("f4", h)], attrs=[start],
                params=[pi, ph, (bi, 1, 3, None), (bh, 1, 3, None)])

    def reference() -> np.ndarray:
        state, out = np.zeros(h), []
        for step, row in enumerate(x.astype("f8")):
            if step >= start:
                a, b = wi @ row + bi, wh @ state + bh
                r, z = (1 / (1 + np.exp(-(a[s] + b[s]))) for s in (slice(0, h), slice(h, 2 * h)))
                n = np.tanh(a[2 * h :] + r * b[2 * h :])
                state = n + z * (state - n)
            out.append(state)
        return np.array(out)

    return spec, [x], reference, 2e-6


def norm(n: int) -> Case:
    x, w, b = rand(STEPS, n, scale=3) + np.float32(1), rand(n, seed=1), rand(n, seed=2)
    spec = dict(op="layer_norm", ins=[(n, PERIOD)], out=(n, PERIOD), attrs=[1e-5],
                params=[(w, 1, 1, None), (b, 1, 1, None)])
    y = x.astype("f8")
    spread = np.sqrt(y.var(1, keepdims=True) + 1e-5)
    tolerance = 2e-7 * float((np.abs(x * w) / spread).max() + 10)  # the mean's own rounding
    return spec, [x], lambda: (y - y.mean(1, keepdims=True)) / spread * w + b, tolerance


ACT: list[Callable[[np.ndarray], np.ndarray]] = [
    lambda x: np.maximum(x, 0), lambda x: np.where(x < 0, 0.3 * x, x),
    lambda x: np.where(x < 0, 0.3 * np.expm1(np.minimum(x, 0)), x), np.tanh,
    lambda x: 1 / (1 + np.exp(-x)), lambda x: np.logaddexp(0, x), lambda x: x / (1 + np.exp(-x)),
]
UNARY: list[Callable[[np.ndarray], np.ndarray]] = [
    np.negative, np.abs, np.exp, np.log, np.log2, np.sqrt, np.sin, np.cos, np.square,
    np.reciprocal,
]
BINARY: list[Callable[[np.ndarray, np.ndarray], np.ndarray]] = [
    np.add, np.subtract, np.multiply, np.divide, np.minimum, np.maximum, np.power,
]


def activation(fn: int, n: int) -> Case:
    x = rand(STEPS, n, scale=4)
    spec = dict(op="activation", ins=[(n, PERIOD)], out=(n, PERIOD), attrs=[fn, 0.3])
    return spec, [x], lambda: ACT[fn](x.astype("f8")), 4e-6


def unary(fn: int, n: int) -> Case:
    x = rand(STEPS, n)
    x = np.abs(x) + np.float32(0.05) if fn in (3, 4, 5, 9) else x
    spec = dict(op="unary", ins=[(n, PERIOD)], out=(n, PERIOD), attrs=[fn])
    return spec, [x], lambda: UNARY[fn](x.astype("f8")), 1e-5


def binary(fn: int, n: int, kind: str, swapped: int = 0) -> Case:
    x, w = (np.abs(rand(STEPS, n, seed=k)) + np.float32(0.1) for k in (0, 9))
    w = {"full": w, "one": w[:, :1], "row": w[:1], "scalar": w[:1, :1]}[kind]
    two = kind in ("full", "one")
    constant = None if two else (w[0] if kind == "row" else w[0, 0:1], 1, 1, None)
    spec = dict(op="binary", ins=[(n, PERIOD)] + ([(w.shape[1], PERIOD)] if two else []),
                out=(n, PERIOD), params=[constant], attrs=[fn, swapped])
    a, b = x.astype("f8"), w.astype("f8")
    y = BINARY[fn](b, a) if swapped else BINARY[fn](a, b)
    return spec, [x, w] if two else [x], lambda: y, 1e-5 * float(np.abs(y).max())


def concat(*widths: int) -> Case:
    xs = [rand(STEPS, n, seed=k) for k, n in enumerate(widths)]
    spec = dict(op="concat", ins=[(n, PERIOD) for n in widths], out=(sum(widths), PERIOD))
    return spec, xs, lambda: np.concatenate(xs, 1), 0


def cut(n: int, start: int, length: int) -> Case:
    x = rand(STEPS, n)
    spec = dict(op="slice", ins=[(n, PERIOD)], out=(length, PERIOD), attrs=[start, length])
    return spec, [x], lambda: x[:, start : start + length], 0


def reduce(fn: int, n: int) -> Case:
    x = rand(STEPS, n)
    spec = dict(op="reduce", ins=[(n, PERIOD)], out=(1, PERIOD), attrs=[fn])
    f = [np.sum, np.mean, np.max, np.min][fn]
    return spec, [x], lambda: f(x.astype("f8"), axis=1, keepdims=True), 2e-5 if fn < 2 else 0


def delay(n: int, steps: int, start: int) -> Case:
    x = rand(STEPS, n)
    late = np.concatenate([np.zeros((steps + start, n)), x[start:]])[:STEPS]
    spec = dict(op="delay", ins=[(n, PERIOD)], out=(n, PERIOD), attrs=[steps, start],
                states=[("f4", steps * n)])
    return spec, [x], lambda: late, 0


CASES: dict[str, Case] = {
    **{f"linear {i} {o} {q} {b}": linear(i, o, q, b) for q in (False, True) for i, o, b in (
        (1, 1, True), (3, 5, True), (16, 16, False), (37, 61, True), (64, 130, True), (20, 1, True),
        (5, 81, True))},
    **{f"conv {a} {q}": conv(*a, coded=q) for q in (False, True) for a in (
        (1, 1, 3, 2), (3, 5, 1, 1), (8, 17, 3, 4), (16, 33, 2, 9), (17, 17, 5, 1, 17),
        (12, 18, 3, 2, 3), (6, 12, 2, 1, 6))},
    "conv start": conv(4, 4, 3, 2, start=5),
    **{f"gru {i} {h} {q}": gru(i, h, q) for q in (False, True)
       for i, h in ((1, 1), (3, 5), (20, 16), (9, 33))},
    "gru start": gru(3, 5, start=7),
    **{f"norm {n}": norm(n) for n in (1, 2, 15, 16, 17, 48, 100)},
    **{f"act {f} {n}": activation(f, n) for f in range(len(ACT)) for n in (1, 19)},
    **{f"unary {f} {n}": unary(f, n) for f in range(len(UNARY)) for n in (1, 19)},
    **{f"binary {f} {k}": binary(f, 19, k) for f in range(len(BINARY))
       for k in ("full", "one", "row", "scalar")},
    **{f"binary {f} {k} swapped": binary(f, 19, k, 1) for f in (1, 3, 6)
       for k in ("row", "scalar")},
    "binary 1 one": binary(1, 1, "scalar"), "binary 1 two": binary(1, 1, "full"),
    "concat": concat(1, 17, 3), "concat 1": concat(1, 1), "cut": cut(40, 17, 20),
    "cut 1": cut(9, 8, 1),
    **{f"reduce {f} {n}": reduce(f, n) for f in range(4) for n in (1, 2, 16, 37)},
    **{f"delay {a}": delay(*a) for a in ((1, 1, 0), (3, 5, 2), (20, 50, 0), (17, 9, 4))},
}


@pytest.mark.parametrize("isa", bed.supported())
@pytest.mark.parametrize("name", CASES)
def test_equals_numpy_at_any_split(library: Any, isa: str, name: str) -> None:
    spec, inputs, reference, tolerance = CASES[name]
    first: np.ndarray | None = None
    for blocks in bed.splits(STEPS * PERIOD, 64, seed=1):
        node = bed.Bed(library, isa, **spec)
        assert node.status == 0
        y = node.run(inputs, blocks)
        if first is None:
            first = y
            np.testing.assert_allclose(y, reference(), rtol=0, atol=tolerance)
        assert y.tobytes() == first.tobytes()


@pytest.mark.parametrize("change", [
    {"ins": [(4, 3)]}, {"out": (6, 3)}, {"ins": [(3, 1)]}, {"params": []}, {"attrs": [1]},
    {"states": [("f4", 1)]}, {"params": [None, None]},
])
def test_a_node_that_does_not_fit_is_refused(library: Any, change: dict[str, Any]) -> None:
    spec = {**linear(3, 5)[0], **change}
    assert bed.Bed(library, "scalar", **spec).status == -11
