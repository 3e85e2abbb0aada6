"""The pictures of reports: bars against a dense reference, and spectrograms side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

INK, SOFT, MARK = "#1b1d21", "#8a8f98", "#0b6e8f"


def _figure(width: float, height: float, **grid: Any) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 10, "svg.fonttype": "none", "axes.edgecolor": SOFT})
    return plt.subplots(figsize=(width, height), constrained_layout=True, **grid)


def bars(
    names: Sequence[str], panels: Sequence[tuple[str, Sequence[float | None]]], log: bool = True
) -> Any:
    """One horizontal bar chart a panel over the same rows; values are written beside the bars."""
    figure, axes = _figure(
        10, 0.5 + 0.42 * len(names), ncols=len(panels), sharey=True, squeeze=False
    )
    at = np.arange(len(names))
    for axis, (title, values) in zip(axes[0], panels):
        numbers = [v if v is not None and np.isfinite(v) else 0.0 for v in values]
        axis.barh(at, numbers, color=[MARK if i else SOFT for i in range(len(names))], height=0.6)
        positive = [v for v in numbers if v > 0]
        if log and positive and max(positive) > 20 * min(positive):
            axis.set_xscale("log")
            axis.set_xlim(min(positive) / 3, max(positive) * 6)
        else:
            axis.set_xlim(0, max(positive, default=1.0) * 1.35)
        for y, v in zip(at, numbers):
            if v > 0:
                axis.text(v, y, f" {short(v)}", va="center", ha="left", fontsize=9, color=INK)
        axis.set_title(title, fontsize=10, loc="left")
        axis.xaxis.set_major_formatter(lambda v, _: short(v))
        axis.minorticks_off()
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_yticks(at, names)
    axes[0][0].invert_yaxis()
    return figure


def short(value: float) -> str:
    """A number for a label: three digits and k, M or G."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def points(rows: Sequence[tuple[str, float, float, bool]], x_label: str, y_label: str) -> Any:
    """A scatter of named candidates (name, x, y, marked), x logarithmic."""
    figure, axis = _figure(8, 4.2)
    for name, x, y, marked in rows:
        axis.scatter([x], [y], s=60, color=MARK if marked else SOFT, zorder=3)
        axis.annotate(
            name, (x, y), textcoords="offset points", xytext=(6, 5), fontsize=9, color=INK
        )
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda v, _: short(v))
    axis.margins(x=0.25, y=0.15)
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def spectrograms(sounds: Sequence[tuple[str, np.ndarray]], rate: float) -> Any:
    """Log-magnitude spectrograms side by side, one level scale (−80…0 dB of the loudest)."""
    columns = min(len(sounds), 3)
    lines = -(-len(sounds) // columns)
    figure, axes = _figure(3.6 * columns, 2.5 * lines, ncols=columns, nrows=lines, squeeze=False)
    pictures = [_decibels(np.asarray(s, np.float32)) for _, s in sounds]
    top = max(p.max() for p in pictures)
    for axis in axes.flat[len(sounds) :]:
        axis.axis("off")
    for axis, (name, sound), picture in zip(axes.flat, sounds, pictures):
        extent = (0.0, len(sound) / rate, 0.0, rate / 2000)
        axis.imshow(
            picture,
            origin="lower",
            aspect="auto",
            extent=extent,
            vmin=top - 80,
            vmax=top,
            cmap="magma",
        )
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("s")
        axis.set_ylabel("kHz")
    return figure


def _decibels(sound: np.ndarray, size: int = 1024, hop: int = 256) -> np.ndarray:
    """(bins, frames) in dB; short sounds are padded to one window."""
    padded = np.pad(sound, (0, max(0, size - len(sound))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * np.hanning(size)
    return (20 * np.log10(np.abs(np.fft.rfft(windows, axis=1)) + 1e-7)).T
