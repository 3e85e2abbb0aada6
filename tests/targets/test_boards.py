"""Boards are data: each one loads, and a bad file or name gets one clear line."""

import pytest

from edgesynth.errors import InputError
from targets.base import parse, target, targets

GOOD = """
description = "a board"
cpu = "a core"
kernels = "neon"
isas = ["scalar"]
simd = "none"
rate = 48000
block = 64
"""


def test_the_boards_of_this_house() -> None:
    assert {"host", "pi4", "pi5", "bela", "bela-gem"} <= set(targets())


@pytest.mark.parametrize("name", targets())
def test_board_is_whole(name: str) -> None:
    board = target(name)
    assert board.description and board.cpu and "scalar" in board.isas
    assert 1 <= board.block <= board.chunk
    if board.native:
        assert board.kernels == "best" and not board.qemu
    else:
        assert board.kernels in board.isas
        assert ".2." in board.triple, "the glibc version is always given"
        assert "musl" in board.static_triple and board.mcpu and board.qemu and board.sources
        assert board.ram_bytes and board.clock_hz and board.l1d_bytes and board.l2_bytes


def test_bela_has_no_fused_multiply_add() -> None:
    assert target("bela").triple.startswith("arm-") and target("bela").mcpu == "cortex_a8"


def test_unknown_target_names_the_nearest() -> None:
    with pytest.raises(InputError, match="'pi6'; nearest is 'pi"):
        target("pi6")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("raet = 1", "unknown key 'raet'; nearest is 'rate'"),
        ("cores = true", "cores = True is of the wrong kind"),
        ("cores = -1", "cores = -1 is of the wrong kind"),
        ('sources = "one"', "sources = 'one' is of the wrong kind"),
        ("chunk = 65537", "chunk must lie"),
        ("= 3", "board x: "),
    ],
)
def test_bad_board_file(change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse("x", GOOD + change)


def test_missing_key() -> None:
    with pytest.raises(InputError, match="'rate' is missing"):
        parse("x", GOOD.replace("rate = 48000", ""))
    assert parse("x", GOOD).rate == 48000
