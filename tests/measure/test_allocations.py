"""Allocation counts: none in our runtime, and the counter finds what was planted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from measure import small_synth

from edgesynth.errors import EdgesynthError
from firmware_bridge.build import INCLUDE, MEASURE, SOURCES, native_compiler, run
from firmware_bridge.library import hooks_path
from firmware_bridge.measure.allocations import counter, counts, run_hooked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="preloading hooks is a Linux way")
HERE = Path(__file__).resolve().parent
FRAMES, BLOCKS = 7, 20

PLANTED = """
import ctypes, json, sys
from firmware_bridge.measure.allocations import counter, per_call
lib = ctypes.CDLL(sys.argv[1])
voice, ns, found = ctypes.create_string_buffer(8), (ctypes.c_uint64 * {blocks})(), ctypes.c_uint64()
none = (ctypes.c_void_p * 1)()
stride = (ctypes.c_uint32 * 1)()
status = lib.es_measure(voice, {frames}, {blocks}, 0, none, stride, 1, none, ns, ctypes.byref(found))
process = lambda: lib.es_voice_process(voice, {frames}, none, none, None, 0)
before = counter()()
block = bytearray(100000)
print(json.dumps([status, found.value, per_call(process), counter()() - before]))
"""


def hooks() -> Path:
    found = hooks_path()
    assert found is not None
    return found


def test_planted_allocations_are_found(tmp_path: Path) -> None:
    library = tmp_path / "planted.so"
    sources = [str(HERE / "planted.c"), str(MEASURE / "timing.c")]
    flags = ["-std=c11", "-O2", "-fvisibility=hidden", "-fPIC", "-shared", f"-I{INCLUDE}", f"-I{SOURCES}"]
    run([*native_compiler(), *flags, *sources, "-o", str(library)])
    program = PLANTED.format(frames=FRAMES, blocks=BLOCKS)
    done = run_hooked([sys.executable, "-c", program, str(library)], hooks())
    assert done.returncode == 0, done.stderr
    status, in_loop, per_block, in_python = json.loads(done.stdout)
    assert status == 0
    assert in_loop == 2 * FRAMES * BLOCKS
    assert per_block == 2 * FRAMES
    assert in_python >= 1


def test_ours_allocates_nothing_and_the_peer_is_counted_by_inference() -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing to compare with")
    blocks = (1, 16, 48, 100)
    found = counts(small_synth.artifact(), "best", small_synth.graph(), ("onnxruntime",), blocks)
    assert [found["edgesynth", b] for b in blocks] == [0, 0, 0, 0]
    per_hop = found["onnxruntime", 48]
    assert per_hop > 0
    assert found["onnxruntime", 16] == pytest.approx(per_hop / 3, rel=0.3)


def test_a_process_without_hooks_says_so() -> None:
    with pytest.raises(EdgesynthError, match="not preloaded"):
        counter()


def test_a_count_that_fails_is_an_error_not_a_zero() -> None:
    with pytest.raises(EdgesynthError, match=r"allocations were not counted: .*artifact"):
        counts(b"ESA\x1a" + bytes(200), "best", None, (), (64,))
