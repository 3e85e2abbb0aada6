"""DDSP: a recurrent decoder that drives harmonics and filtered noise from pitch and loudness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from edgesynth.edit import set_attr, with_meta
from edgesynth.errors import InputError
from edgesynth.graph import Graph, MidiSource
from edgesynth.models.base import Model

if TYPE_CHECKING:
    from torch import Tensor, nn

F0 = (20.0, 4000.0, 220.0)
LOUDNESS = (-80.0, 0.0, -18.0)
QUIETEST_NOTE, LOUDEST_NOTE = -36.0, -8.0
ERRORS = ("band_error", "spectral_convergence", "log_spectral_distance")

PORTS: Mapping[str, Mapping[str, Any]] = {
    "f0": {
        "kind": "control", "unit": "Hz", "low": F0[0], "high": F0[1], "default": F0[2],
        "ramp": 0.01, "midi": (MidiSource("key"), MidiSource("bend", high=2.0)),
    },
    "loudness": {
        "kind": "control", "unit": "dB", "low": LOUDNESS[0], "high": LOUDNESS[1],
        "default": LOUDNESS[2], "ramp": 0.01,
        "midi": (
            MidiSource("velocity", low=QUIETEST_NOTE, high=LOUDEST_NOTE, off=LOUDNESS[0],
                       attack=0.02, release=0.15),
            MidiSource("cc", number=11, low=QUIETEST_NOTE, high=LOUDEST_NOTE),
        ),
    },
    "out": {"name": "audio"},
}


@dataclass(frozen=True)
class DDSP(Model):
    """Fundamental frequency (Hz) and A-weighted loudness (dB) per frame to audio.

    Layer-normed MLPs, a GRU, an MLP and three heads give the amplitude and distribution of
    harmonics and the magnitudes of a noise filter (Engel et al., "DDSP: Differentiable Digital
    Signal Processing", ICLR 2020, section 3 and appendix B); a learned reverberation may follow.
    """

    rate: Annotated[float, "audio rate in Hz"] = 16000.0
    hop: Annotated[int, "samples per control frame"] = 64
    hidden: Annotated[int, "units of every layer"] = 256
    layers: Annotated[int, "linear layers of each MLP"] = 3
    harmonics: Annotated[int, "number of harmonics"] = 60
    bands: Annotated[int, "magnitudes of the noise filter; it has 2 (bands - 1) taps"] = 65
    reverb: Annotated[int, "taps of the learned reverberation, 0 for none"] = 0
    noise_seed: Annotated[int, "seed of the noise the decoder plays"] = 1
    batch: Annotated[int, "windows per training step"] = 8
    seconds: Annotated[float, "length of a training window"] = 0.5

    configurations = {
        "edge": {},
        "edge48": {"rate": 48000.0, "hop": 192},
        "lottery": {"hop": 160, "hidden": 512, "harmonics": 100, "bands": 81},
        "lottery250": {"hidden": 512, "harmonics": 100, "bands": 81},
    }

    @property
    def frames(self) -> int:
        """Control frames of a training window."""
        return max(1, round(self.seconds * self.rate / self.hop))

    def build(self, seed: int = 0) -> dict[str, Graph]:
        """{"decoder": Graph}: f0 and loudness, each (B, T, 1), to audio (B, T · hop, 1)."""
        import torch

        from edgesynth.capture import capture

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = network(self)
        control = torch.full((2, 7, 1), F0[2]), torch.full((2, 7, 1), LOUDNESS[2])
        graph = capture(net, control, name="decoder", ports=PORTS, rate=self.rate)
        settings = [f"{name}={value}" for name, value in asdict(self).items()]
        return {"decoder": with_meta(graph, model="ddsp", settings=settings)}

    def batches(
        self, data: Any, split: str, seed: int = 0, start: int = 0
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(f0, loudness, audio): (B, F, 1), (B, F, 1), (B, F · hop), of the notes of one split."""
        notes = data.split(split)
        if (data.rate, data.hop) != (self.rate, self.hop):
            raise InputError(f"data at {data.rate:g} Hz, hop {data.hop}; the model takes "
                             f"{self.rate:g} Hz, hop {self.hop}")
        lengths = np.array([len(f0) for f0 in notes.f0])
        if split == "train":
            number = start
            while True:
                rng = np.random.default_rng((seed, number))
                picks = rng.choice(len(lengths), self.batch, p=lengths / lengths.sum())
                begins = [rng.integers(max(1, lengths[i] - self.frames + 1)) for i in picks]
                yield self._windows(notes, list(zip(picks, begins, strict=True)))
                number += 1
        spots = [(i, b) for i, n in enumerate(lengths) for b in range(0, n, self.frames)]
        for first in range(0, len(spots), self.batch):
            yield self._windows(notes, spots[first : first + self.batch])

    def loss(self, modules: Mapping[str, nn.Module], batch: Any) -> Tensor:
        """Multi-resolution spectral loss of the decoder's audio."""
        from edgesynth.losses import spectral_loss

        f0, loudness, audio = batch
        return spectral_loss(modules["decoder"](f0, loudness)[..., 0], audio)

    def notes(self, render: Any, data: Any, split: str = "test") -> list[dict[str, float]]:
        """One row of errors per note of the split, in order; see `evaluate`."""
        from edgesynth.fidelity import METRICS

        notes = data.split(split)
        rows = []
        for f0, loudness, audio in zip(notes.f0, notes.loudness, notes.audio, strict=True):
            made = render({"f0": f0, "loudness": loudness})["audio"]
            rows.append({key: METRICS[key](made, audio, self.rate) for key in ERRORS})
        return rows

    def evaluate(self, render: Any, data: Any, split: str = "test") -> dict[str, float]:
        """Means over the split's notes: band error (dB), spectral convergence, log-spectral
        distance (dB), see `edgesynth.fidelity`; target frames under -60 dB are left out of the dB
        ones. render takes f0 and loudness, [frames] each, and gives audio [frames * hop]."""
        rows = self.notes(render, data, split)
        return {key: float(np.mean([row[key] for row in rows])) for key in ERRORS}

    def floor(self, graph: Graph, data: Any, split: str = "test") -> dict[str, float]:
        """See `Model.floor`: the same notes with the noise node's seed changed."""
        from edgesynth.training.render import torch_render

        other = graph
        for node in graph.nodes:
            if node.op == "noise":
                other = set_attr(other, node.name, seed=int(node.attrs["seed"]) + 1)
        notes, render = data.split(split), torch_render(other)
        pairs = zip(notes.f0, notes.loudness, strict=True)
        audio = tuple(render({"f0": f0, "loudness": level})["audio"] for f0, level in pairs)
        return self.evaluate(torch_render(graph), replace(notes, audio=audio), split)

    def data_rate(self) -> tuple[float, int]:
        return self.rate, self.hop

    def _windows(
        self, notes: Any, spots: Sequence[tuple[int, int]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stacked windows (note, first frame); past its end a note is silent."""
        import torch

        f0 = np.empty((len(spots), self.frames, 1), np.float32)
        loudness = np.full_like(f0, LOUDNESS[0])
        audio = np.zeros((len(spots), self.frames * self.hop), np.float32)
        for row, (note, begin) in enumerate(spots):
            pitch = notes.f0[note][begin : begin + self.frames]
            f0[row, :, 0] = np.pad(pitch, (0, self.frames - len(pitch)), "edge")
            loudness[row, : len(pitch), 0] = notes.loudness[note][begin : begin + self.frames]
            sound = notes.audio[note][begin * self.hop : (begin + self.frames) * self.hop]
            audio[row, : len(sound)] = sound
        return torch.from_numpy(f0), torch.from_numpy(loudness), torch.from_numpy(audio)


def network(config: DDSP) -> nn.Module:
    """The decoder as a torch module: (f0, loudness), each (B, T, 1), to audio (B, T · hop, 1)."""
    import torch
    from torch import nn

    from edgesynth.ops.fir import fir
    from edgesynth.ops.harmonic import harmonic
    from edgesynth.ops.noise import filtered_noise

    def mlp(width: int) -> nn.Sequential:
        sizes = [width] + [config.hidden] * config.layers
        rows: list[nn.Module] = []
        for inner, outer in pairwise(sizes):
            rows += [nn.Linear(inner, outer), nn.LayerNorm(outer), nn.LeakyReLU()]
        return nn.Sequential(*rows)

    def positive(x: Tensor) -> Tensor:
        return 2.0 * torch.sigmoid(x) ** float(np.log(10.0)) + 1e-7

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pitch, self.level = mlp(1), mlp(1)
            self.gru = nn.GRU(2 * config.hidden, config.hidden, batch_first=True)
            self.joint = mlp(config.hidden + 2)
            self.amplitude = nn.Linear(config.hidden, 1)
            self.distribution = nn.Linear(config.hidden, config.harmonics)
            self.magnitudes = nn.Linear(config.hidden, config.bands)
            nn.init.constant_(self.magnitudes.bias, -5.0)
            if config.reverb:
                decay = torch.exp(-6.9 * torch.arange(config.reverb) / config.reverb)
                self.room = nn.Parameter(1e-3 * decay * torch.randn(config.reverb))

        def forward(self, f0: Tensor, loudness: Tensor) -> Tensor:
            octaves = torch.log2(f0.clamp(min=F0[0])) - float(np.log2(F0[2]))
            level = loudness * 0.05 + 2.0
            hidden, _ = self.gru(torch.cat([self.pitch(octaves), self.level(level)], -1))
            joint = self.joint(torch.cat([hidden, octaves, level], -1))
            amplitude = positive(self.amplitude(joint))
            distribution = positive(self.distribution(joint))
            magnitudes = positive(self.magnitudes(joint))
            audio = harmonic(f0, amplitude, distribution, config.hop, config.rate)
            audio = audio + filtered_noise(magnitudes, config.hop, config.noise_seed)
            return audio + fir(audio, self.room) if config.reverb else audio

    return Decoder()
