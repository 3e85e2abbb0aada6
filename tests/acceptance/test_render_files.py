"""What a user may put into `edgesynth render`: curves and lengths of odd kinds, files out."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from edgesynth.cli import cli
from edgesynth.errors import InputError
from edgesynth.flow._audio import write_wav
from edgesynth.flow.render import read_curves

NET = """
import torch
from torch import nn


class Split(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.a, self.b = nn.Conv1d(1, 2, 7, padding=3), nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        return self.a(x), self.b(x)


def two():
    return {"module": Split(), "example_inputs": (torch.zeros(1, 1, 64),), "rate": 16000.0}


def boom():
    raise ValueError("first line\\nsecond line")
"""


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(w) for w in words])


def refused(result: Result, part: str) -> None:
    """Exit code 2 and one line on standard error, the last, that holds `part`."""
    assert result.exit_code == 2, (result.stderr, result.exception)
    last = result.stderr.splitlines()[-1]
    assert last.startswith("edgesynth: ") and part in last, result.stderr


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("net")
    (folder / "net.py").write_text(NET)
    t = np.arange(4000) / 16000
    soundfile.write(folder / "in.wav", 0.3 * np.sin(2 * np.pi * 220 * t), 16000)
    return folder


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "0", "-1", "1e-7", "1e12"])
def test_a_length_that_is_none_is_one_line(seconds: str, net: Path, tmp_path: Path) -> None:
    words = ("render", f"{net}/net.py:two", "--in", net / "in.wav", f"--seconds={seconds}")
    refused(run(*words, "-o", tmp_path / "x.wav"), "--seconds")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["/", ".", ""])
def test_a_folder_is_no_place_for_a_file(place: str, net: Path, tmp_path: Path) -> None:
    out = place if place == "/" else f"{tmp_path}/{place}"
    refused(run("render", f"{net}/net.py:two", "--in", net / "in.wav", "-o", out), "folder")
    assert not list(tmp_path.iterdir())


def test_outputs_that_are_not_written_are_named(net: Path, tmp_path: Path) -> None:
    result = run("render", f"{net}/net.py:two", "--in", net / "in.wav", "-o", tmp_path / "x.wav")
    assert result.exit_code == 0 and "left out: out1" in result.stderr
    assert soundfile.info(tmp_path / "x.wav").channels == 2


def test_a_users_error_of_two_lines_is_one(net: Path, tmp_path: Path) -> None:
    refused(run("render", f"{net}/net.py:boom", "-o", tmp_path / "x.wav"), "first line second line")


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_wavs_are_read_by_others_and_hold_no_date(channels: int, tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(size=(channels, 333)).astype(np.float32)
    write_wav(tmp_path / "a.wav", sound if channels > 1 else sound[0], 44100)
    time.sleep(1.1)
    write_wav(tmp_path / "b.wav", sound if channels > 1 else sound[0], 44100)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    audio, rate = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
    assert rate == 44100 and np.array_equal(audio.T, sound)
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"


def test_curves_as_other_programs_write_them(tmp_path: Path) -> None:
    path, want = tmp_path / "c.csv", np.linspace(100, 200, 100, endpoint=False)
    for text in ("time,f0\n\n0,100\n\n1,200\n\n", "f0 , time\r\n100,0\r\n200,1\r\n"):
        for encoding in ("utf-8", "utf-8-sig"):
            path.write_text(text, encoding=encoding, newline="")
            np.testing.assert_allclose(read_curves(path, 100.0)["f0"], want, rtol=1e-6)
    path.write_text("time,f0\n0,100\n")
    assert read_curves(path, 100.0) == {"f0": 100.0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("time;f0\n0;1\n", "commas, not ';'"),
        ("time\tf0\n0\t1\n", "commas"),
        ("time,f0,f0\n0,1,2\n", "'f0' comes twice"),
        ("time,time,f0\n0,1,2\n", "'time' comes twice"),
        ("time,f0\n0,1\n1e12,2\n", "times must lie in"),
        ("time,f0\n\n0,\n", "line 3, column 'f0': '' is no number"),
        ("time,f0\n0\n", "line 2: 1 columns"),
    ],
)
def test_curves_that_mean_nothing_are_refused(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_curves(path, 16000.0)
    assert why in str(caught.value)
