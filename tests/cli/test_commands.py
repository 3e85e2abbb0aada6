"""The command line: good input gives its result, bad input one line and exit code 2."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from edgesynth.cli import cli, command_names

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.gru = nn.GRU(1, 9, batch_first=True)
        self.out = nn.Linear(9, 1)

    def forward(self, x):
        h, _ = self.gru(x)
        return x + self.out(h)


def amp():
    return {"module": Net(), "example_inputs": (torch.zeros(2, 11, 1),), "rate": 16000.0}


def loop():
    class Loop(nn.Module):
        def forward(self, x):
            return torch.stack([x[:, i].sin() for i in range(x.shape[1])], 1)
    return Loop(), (torch.zeros(2, 11, 1),)
"""


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(w) for w in words])


def refused(result: Result, *parts: str) -> None:
    """Exit code 2 and one line on standard error that holds every part."""
    assert result.exit_code == 2, (result.output, result.stderr, result.exception)
    lines = [line for line in result.stderr.splitlines() if line.startswith("edgesynth: ")]
    assert len(lines) == 1 and lines[0] == result.stderr.splitlines()[-1], result.stderr
    for part in parts:
        assert part in lines[0], lines[0]


@pytest.fixture(scope="module")
def amp(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("net") / "net.py"
    path.write_text(NET)
    return f"{path}:amp"


@pytest.fixture()
def wav(tmp_path: Path) -> Path:
    t = np.arange(16000) / 16000
    path = tmp_path / "in.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * t), 16000, subtype="FLOAT")
    return path


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_help_for_every_option(name: str) -> None:
    from edgesynth.cli import command_class
    from edgesynth.cli.options import parameters

    result = run(name, "--help")
    assert result.exit_code == 0
    assert all(p.help for p in parameters(command_class(name)) if isinstance(p, click.Option))


def test_export_render_and_bench_from_a_users_file(amp: str, wav: Path, tmp_path: Path) -> None:
    artifact, out = tmp_path / "amp.esa", tmp_path / "out.wav"
    made = json.loads(
        run("export", amp, "--target", "host", "--format", "esa", "-o", artifact, "--json").stdout
    )
    assert made["rows"][0]["bytes"] == artifact.stat().st_size
    for model in (amp, artifact):
        result = run("render", model, "--in", wav, "--block", 37, "-o", out)
        assert result.exit_code == 0, result.output
        audio, rate = soundfile.read(out, dtype="float32")
        assert rate == 16000 and len(audio) == 16000 and soundfile.info(out).subtype == "FLOAT"
        assert 0.1 < np.abs(audio).max() < 3
    rows = json.loads(
        run("bench", artifact, "--blocks", "16,64", "--seconds", 0.1, "--json").stdout
    )["rows"]
    assert [r["block"] for r in rows] == [16, 64]
    for row in rows:
        assert (
            row["allocations"] in (0, None)
            and 0 < row["p50_us"] <= row["p99_us"] <= row["worst_us"]
        )
        assert row["rtf"] == pytest.approx(row["mean_us"] * 16000 / row["block"] / 1e6)


def test_render_is_the_same_at_any_block(amp: str, wav: Path, tmp_path: Path) -> None:
    sounds = []
    for block in (1, 333, 16000):
        assert (
            run("render", amp, "--in", wav, "--block", block, "-o", tmp_path / "x.wav").exit_code
            == 0
        )
        sounds.append(soundfile.read(tmp_path / "x.wav", dtype="float32")[0])
    assert all(np.array_equal(sounds[0], s) for s in sounds[1:])


def test_another_rate_is_resampled_and_said(amp: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "cd.wav", 0.2 * np.sin(np.arange(44100) * 0.05), 44100)
    result = run("render", amp, "--in", tmp_path / "cd.wav", "-o", tmp_path / "x.wav")
    assert result.exit_code == 0 and "resampled from 44100 Hz to 16000 Hz" in result.stderr
    assert soundfile.info(tmp_path / "x.wav").frames == pytest.approx(16000, abs=2)


def test_verify_compares_every_runtime(amp: str) -> None:
    rows = json.loads(run("verify", amp, "--seconds", 0.2, "--json").stdout)["rows"]
    assert all(r["ok"] and r["max_abs_error"] <= r["tolerance"] for r in rows), rows
    assert any("scalar" in r["runtime"] for r in rows) and any(
        r["runtime"] == "onnxruntime" for r in rows
    )


def test_import_gives_a_saved_graph_that_everything_takes(amp: str, tmp_path: Path) -> None:
    assert run("import", amp, "-o", tmp_path / "amp").exit_code == 0
    assert (
        run("export", tmp_path / "amp", "--target", "bela", "-o", tmp_path / "amp.esa").exit_code
        == 0
    )
    refused(run("import", tmp_path / "amp.esa", "-o", tmp_path / "x"), "artifact already")


BAD_AUDIO = {
    "silent": (np.zeros(8000), "is silent"),
    "three samples": (np.array([0.1, 0.2, 0.1]), "holds 3 frames"),
    "nan": (np.r_[np.full(4000, 0.1), np.nan], "NaN"),
}


@pytest.mark.parametrize("kind", BAD_AUDIO)
def test_bad_audio_is_refused_and_the_old_result_stays(kind: str, amp: str, tmp_path: Path) -> None:
    audio, why = BAD_AUDIO[kind]
    soundfile.write(tmp_path / "bad.wav", audio, 16000, subtype="FLOAT")
    (tmp_path / "out.wav").write_bytes(b"old")
    refused(run("render", amp, "--in", tmp_path / "bad.wav", "-o", tmp_path / "out.wav"), why)
    assert (tmp_path / "out.wav").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.wav", "out.wav"]


def test_bad_input_gets_one_line(amp: str, wav: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    refused(run("render", tmp_path / "none.esa", "-o", out), "no such file")
    refused(run("render", amp, "--in", tmp_path / "none.wav", "-o", out), "no such file")
    refused(
        run("render", amp, "--in", wav, "--control", "f0=1", "-o", out), "no port 'f0'", "nearest"
    )
    refused(run("render", amp, "--in", wav, "--control", "f0", "-o", out), "NAME=NUMBER")
    refused(run("render", amp, "--in", wav, "--seconds", -1, "-o", out), "--seconds")
    refused(run("export", "nothing", "-o", out), "there is no model 'nothing'")
    refused(run("export", amp, "--target", "pi44", "-o", out), "pi4")
    refused(run("export", amp.replace("amp", "loop"), "-o", out), "loop")
    refused(run("bench", amp, "--against", "onnxruntim"), "onnxruntime")
    text = tmp_path / "text.esa"
    text.write_text("no artifact")
    refused(run("render", text, "-o", out), "artifact")
    assert not out.exists()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"ESA\x1a" + bytes(9), "the artifact is shorter than it says"),
        (b"no artifact" * 99, "this is not an edgesynth artifact"),
    ],
)
def test_a_damaged_artifact_is_named(data: bytes, why: str, tmp_path: Path) -> None:
    bad, out = tmp_path / "bad.esa", tmp_path / "x.wav"
    bad.write_bytes(data)
    for words in (
        ("render", bad, "-o", out), ("bench", bad), ("bench", bad, "--target", "bela"),
    ):
        refused(run(*words), f"edgesynth: {bad}: {why}")
    assert not out.exists()


def test_curves_are_read_with_care(tmp_path: Path) -> None:
    from edgesynth.errors import InputError
    from edgesynth.flow.render import read_curves

    path = tmp_path / "c.csv"
    path.write_text("time,f0\n0,100\n1,200\n")
    assert read_curves(path, 100.0)["f0"][50] == pytest.approx(150)
    for text, why in {
        "f0\n1\n": "header",
        "time,f0\n0,1,2\n": "line 2: 3 columns",
        "time,f0\n0,a\n": "'a' is no number",
        "time,f0\n0,nan\n": "finite",
        "time,f0\n1,1\n0,1\n": "rise",
        "": "header",
    }.items():
        path.write_text(text)
        with pytest.raises(InputError, match=why):
            read_curves(path, 100.0)


def test_a_place_that_cannot_be_written_is_one_line(amp: str, wav: Path) -> None:
    refused(run("render", amp, "--in", wav, "-o", "/proc/none/x.wav"), "/proc/none")


def test_full_disk_keeps_the_old_file(
    amp: str, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    out = tmp_path / "out"
    out.mkdir()
    (out / "x.wav").write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        refused(run("render", amp, "--in", wav, "-o", out / "x.wav"), "No space left on device")
    assert [p.name for p in out.iterdir()] == ["x.wav"]
    assert (out / "x.wav").read_bytes() == b"old"


def test_a_damaged_card_is_told_and_not_passed_over(amp: str, tmp_path: Path) -> None:
    from edgesynth.errors import EdgesynthError
    from edgesynth.flow._open import card_of

    assert card_of(amp) == {} and card_of("ddsp")["config"] == "edge"
    assert run("import", amp, "-o", tmp_path / "amp").exit_code == 0
    assert card_of(str(tmp_path / "amp"))["from"] == amp
    assert card_of(str(tmp_path / "amp.json")) == card_of(str(tmp_path / "amp"))
    (tmp_path / "amp.json").write_text('{"card": ')
    with pytest.raises(EdgesynthError):
        card_of(str(tmp_path / "amp"))
