"""The demo goes the whole way; its report is one file that stands alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner

from edgesynth.cli import cli
from firmware_bridge.play import Player

RECIPE = """
[[stage]]
name = "ticket"
keep = [0.375]
steps = [2]
multiple = 16

[[stage]]
name = "quantize"
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "quick.toml").write_text(RECIPE)
    words = ["demo", "--recipe", str(folder / "quick.toml"), "-o", str(folder / "out"), "--json"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, (result.stderr, result.exception)
    (folder / "stdout.json").write_text(result.stdout)
    return folder


def test_every_figure_is_of_the_artifact_that_ships(out: Path) -> None:
    rows = {r["name"]: r for r in json.loads((out / "out/summary.json").read_text())["rows"]}
    dense, final = rows["dense"], rows["int8, seed 0"]
    for name, file in (("dense", "dense.esa"), ("int8, seed 0", "int8-seed-0.esa")):
        artifact = out / "out" / file
        assert rows[name]["bytes"] == artifact.stat().st_size
        assert Player(artifact).self_test() < 1e-4
    assert dense["bytes"] / final["bytes"] == pytest.approx(final["smaller"]) and final["smaller"] >= 20
    assert final["network_macs"] * 6 <= dense["network_macs"]
    assert final["mean_us"] > 0 and dense["onnxruntime_us"] > 0 and dense["band_error"] > 0
    shown = json.loads((out / "stdout.json").read_text())
    assert len(shown["rows"]) == 3 and shown["report"].endswith("report.html")


def test_the_report_needs_nothing_from_elsewhere(out: Path) -> None:
    page = (out / "out/report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:)[^"#]', page)
    assert "@import" not in page and "url(http" not in page
    assert page.count("<audio") == 4 and page.count("<svg") >= 2
    assert 'name="viewport"' in page
    for sound in (out / "out").glob("*.wav"):
        assert soundfile.info(sound).subtype == "FLOAT"


def test_the_page_can_be_made_again(out: Path) -> None:
    again = out / "again.html"
    result = CliRunner().invoke(cli, ["report", str(out / "out"), "-o", str(again)])
    assert result.exit_code == 0 and again.stat().st_size > 100_000
    result = CliRunner().invoke(cli, ["report", str(out / "none")])
    assert result.exit_code == 2 and "holds no summary.json" in result.stderr
