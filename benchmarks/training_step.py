"""A float training step through `graph.module()` against the original module's, in turn.

    python -m benchmarks.training_step [--steps 40] [--out benchmarks/results/training_step.json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

LIMIT = 1.1


def measure(steps: int) -> dict[str, Any]:
    """Median seconds of both, and the median of the ratios of neighbouring steps."""
    import torch

    from edgesynth.losses import spectral_loss
    from edgesynth.models.ddsp import DDSP, network

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = DDSP()
    views = {"module": network(config), "graph": config.build()["decoder"].module()}
    optimizers = {k: torch.optim.Adam(v.parameters()) for k, v in views.items()}
    f0 = 200.0 + 200.0 * torch.rand(config.batch, config.frames, 1)
    loudness = -40.0 + 30.0 * torch.rand(config.batch, config.frames, 1)
    audio = 0.1 * torch.randn(config.batch, config.frames * config.hop)
    taken: dict[str, list[float]] = {k: [] for k in views}
    for step in range(steps + 3):
        order = list(views) if step % 2 else list(reversed(views))
        for name in order:
            start = time.perf_counter()
            optimizers[name].zero_grad(set_to_none=True)
            loss = spectral_loss(views[name](f0, loudness).reshape(audio.shape), audio)
            loss.backward()
            optimizers[name].step()
            if step >= 3:
                taken[name].append(time.perf_counter() - start)
    ratios = [g / m for g, m in zip(taken["graph"], taken["module"])]
    return {
        "module_seconds": statistics.median(taken["module"]),
        "graph_seconds": statistics.median(taken["graph"]),
        "ratio": statistics.median(ratios), "limit": LIMIT, "steps": steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = measure(options.steps)
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
