"""docs/commands.md is what the commands' fields say today."""

from pathlib import Path

from edgesynth.cli.manual import manual


def test_the_manual_is_of_today() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
    assert page.read_text("utf-8") == manual(), "run: python -m edgesynth.cli.manual docs/commands.md"
