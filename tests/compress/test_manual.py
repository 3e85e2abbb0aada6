"""The manual says what the fields say."""

from __future__ import annotations

from pathlib import Path

from compress.__main__ import manual

PAGE = Path(__file__).parents[2] / "docs" / "compress.md"


def test_the_tables_in_docs_are_those_of_the_code() -> None:
    """Mend with: print `python -m compress` after the heading "Stages"."""
    assert PAGE.read_text(encoding="utf-8").endswith(manual())
