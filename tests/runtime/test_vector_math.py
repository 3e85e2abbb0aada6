"""The vector functions keep the error bounds that vec/math.h states, on every instruction set."""

from __future__ import annotations

import ctypes
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

Array = np.ndarray
COUNT = 1 << 18
one = np.ones_like


@pytest.fixture(scope="module")
def library(tmp_path_factory: Any) -> Any:
    return bed.build(tmp_path_factory.getbasetemp() / "kernels", bed.supported())


def call(library: Any, isa: str, name: str, *xs: Array) -> Array:
    y = np.empty_like(xs[0])
    door = library[f"door_{name}_{isa}"]
    door(*(ctypes.c_void_p(a.ctypes.data) for a in (*xs, y)), ctypes.c_size_t(y.size))
    return y


def line(low: float, high: float) -> Array:
    """Evenly spread, and as dense near 0 as floats are: every other one a signed power."""
    x = np.linspace(low, high, COUNT).astype("f4")
    small = np.geomspace(1e-30, max(abs(low), abs(high)), COUNT // 4).astype("f4")
    x[1::4] = np.where(np.arange(COUNT // 4) % 2, small, -small)
    return np.clip(x, low, high)


def positive() -> Array:
    x = np.geomspace(1.2e-38, 3.3e38, COUNT).astype("f4")
    x[::2] = np.linspace(0.25, 4, COUNT // 2)
    return x


def unit(y: Array) -> Array:
    return np.maximum(1, np.abs(y))


# name: argument, float64 function, bound of |error| from (x, true value)
BOUNDS: dict[str, tuple[Array, Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "exp": (line(-87.3, 88.3), np.exp, lambda x, y: 3e-7 * y),
    "expm1": (line(-80, 88.3), np.expm1, lambda x, y: 5e-7 * np.abs(y) + 1e-37),
    "log": (positive(), np.log, lambda x, y: 1.5e-7 * unit(y)),
    "log2": (positive(), np.log2, lambda x, y: 2e-7 * unit(y)),
    "tanh": (line(-20, 20), np.tanh, lambda x, y: 5e-7 * np.abs(y) + 1e-37),
    "tanh ": (line(-20, 20), np.tanh, lambda x, y: 2e-7 * one(y)),
    "sigmoid": (line(-80, 90), lambda x: 1 / (1 + np.exp(-x)),
                lambda x, y: np.minimum(2e-7, 5e-7 * y)),
    "softplus": (line(-87, 100), lambda x: np.logaddexp(0, x),
                 lambda x, y: np.where(x < 0, np.minimum(2e-7, 1e-6 * y), 2e-7 * unit(x))),
    "sinpi": (line(-1, 1), lambda x: np.sin(np.pi * x), lambda x, y: 3e-7 * one(y)),
    "sin": (line(-1000, 1000), np.sin, lambda x, y: 5e-7 * one(y)),
    "cos": (line(-1000, 1000), np.cos, lambda x, y: 5e-7 * one(y)),
    "sqrt": (positive(), np.sqrt, lambda x, y: 2e-7 * y),
}


@pytest.mark.parametrize("isa", bed.supported())
@pytest.mark.parametrize("name", BOUNDS)
def test_error_stays_below_its_bound(library: Any, isa: str, name: str) -> None:
    x, exact, bound = BOUNDS[name]
    y = exact(x.astype("f8"))
    error = np.abs(call(library, isa, name.strip(), x) - y) / bound(x.astype("f8"), y)
    worst = int(np.nanargmax(error))
    assert not np.isnan(error).any()
    assert error[worst] <= 1, f"{error[worst]:.2f} of the bound at {x[worst]!r}"


@pytest.mark.parametrize("isa", bed.supported())
def test_pow(library: Any, isa: str) -> None:
    rng = np.random.default_rng(1)
    x = np.exp(rng.uniform(-20, 20, COUNT)).astype("f4")
    e = rng.uniform(-64, 64, COUNT).astype("f4")
    y = np.exp(np.log(x.astype("f8")) * e)
    kept = (y > 1e-36) & (y < 1e38)
    error = np.abs(call(library, isa, "pow", x, e)[kept] / y[kept] - 1)
    size = np.maximum(np.abs(e), np.abs(np.log2(x.astype("f8")) * e))[kept]
    assert (error <= 4e-7 + 1e-7 * size).all()
    exact = ((-2, 3, -8), (-2, 2, 4), (0, 0, 1), (0, 2, 0), (5, 0, 1), (-3, 1, -3))
    for base, power, value in exact:
        got = call(library, isa, "pow", *(np.full(16, v, "f4") for v in (base, power)))
        np.testing.assert_allclose(got, value, rtol=1e-6)
    assert np.isnan(call(library, isa, "pow", *(np.full(16, v, "f4") for v in (-2, 0.5)))).all()
    assert np.isinf(call(library, isa, "pow", *(np.full(16, v, "f4") for v in (0, -1)))).all()


@pytest.mark.parametrize("isa", bed.supported())
@pytest.mark.parametrize("name", [n for n in BOUNDS if n not in ("tanh ", "sinpi")])
def test_no_argument_traps(library: Any, isa: str, name: str) -> None:
    bits = np.random.default_rng(2).integers(0, 2**32, COUNT, dtype="u4")
    special = np.array([np.inf, -np.inf, np.nan, 0, -0.0, 1e-45, -1e-45, 3e38], "f4")
    x = np.concatenate([bits.view("f4"), special, special])
    y = call(library, isa, name, x)
    held = np.isfinite(x) & (x > 1.2e-38)
    assert np.isfinite(y[held]).all()


@pytest.mark.parametrize("isa", bed.supported())
def test_edges(library: Any, isa: str) -> None:
    x = np.array([0, -1, np.inf, np.nan] * 4, "f4")
    for name in ("log", "log2"):
        y = call(library, isa, name, x)[:4]
        assert y[0] == -np.inf and np.isnan(y[1]) and y[2] == np.inf and np.isnan(y[3])
    assert (call(library, isa, "exp", np.full(16, -200, "f4")) == 0).all()
    x = np.array([100, -100] * 8, "f4")
    assert (np.abs(call(library, isa, "tanh", x) - np.sign(x)) < 2e-7).all()
