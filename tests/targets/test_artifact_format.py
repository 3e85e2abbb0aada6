"""The artifact: what is written is read, damage is named, nothing but ArtifactError comes out."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesynth.errors import ArtifactError, InputError
from edgesynth.graph import Param
from edgesynth.ops.base import Pack
from targets import records as r
from targets.artifact import read, write
from targets.pack import pack
from targets.plan import Plan, PlanMidi, PlanNode, PlanPort, PlanState, PlanValue
from targets.records import Section


def plan() -> Plan:
    """A plan with something in every section: a linear layer, a control, an event port."""
    rng = np.random.default_rng(0)
    codes = Param(rng.integers(-127, 128, (5, 3)), "i8", rng.random(5).astype(np.float32))
    bias = Param(rng.standard_normal(5).astype(np.float32))
    initial = Param(np.arange(5, dtype=np.float32))
    return Plan(
        rate=16000.0, chunk=64, latency=3, arena_floats=256, hash=bytes(range(32)),
        values=(PlanValue(3, 16, 0), PlanValue(5, 16, 96), PlanValue(1, 16, 192)),
        params=(
            pack(codes, Pack("panels")), pack(bias, Pack("vector")), pack(initial, Pack("plain")),
        ),
        states=(PlanState("f4", 5, 2), PlanState("i8", 1)),
        nodes=(PlanNode(1, 16, (0,), (1,), (0, None), (0, 1), (7, 0xFFFFFFFF)),),
        ports=(
            PlanPort("in é", "", "in", "frame", 0, 3, 16),
            PlanPort("level", "dB", "in", "control", 2, 1, 16, 0, -80.0, 0.0, -18.0, 160),
            PlanPort("notes", "", "in", "event", None, 0, 1),
            PlanPort("out", "", "out", "frame", 1, 5, 16, 3),
        ),
        midi=(PlanMidi("cc", 11, 1, -80.0, 0.0, -80.0, 0, 2400),),
        manifest={"name": "net é", "fallbacks": ["one"], "nested": {"a": [1, 2.5, None]}},
    )


def pair(frames: int = 33) -> dict[str, object]:
    rng = np.random.default_rng(1)
    steps = -(-frames // 16)
    inputs = {"in é": rng.standard_normal((3, steps)), "level": rng.standard_normal(frames)}
    outputs = {"out": rng.standard_normal((5, steps))}
    return {"frames": frames, "tolerance": 1e-4, "inputs": inputs, "outputs": outputs}


def repaired(blob: bytearray) -> bytes:
    """The same bytes with the length and checksum that they ask for."""
    blob[8:12] = len(blob).to_bytes(4, "little")
    blob[12:16] = zlib.crc32(blob[16:]).to_bytes(4, "little")
    return bytes(blob)


def test_round_trip() -> None:
    before = plan()
    blob = write(before)
    assert read(blob) == before and write(read(blob)) == blob
    assert len(blob) % r.ALIGN == 0


def test_round_trip_with_test_vectors() -> None:
    blob = write(plan(), pair())
    after = read(blob)
    assert after.golden is not None and write(after) == blob
    assert after.golden.frames == 33
    assert after.golden.inputs.size == 3 * 3 + 33 and after.golden.outputs.size == 5 * 3
    assert replace(after, golden=None) == plan()


def test_controls_in_test_vectors_may_step_at_their_period() -> None:
    given_pair = pair()
    values = np.float32([1.0, 2.0, 3.0])
    given_pair["inputs"]["level"] = values  # type: ignore[index]
    golden = read(write(plan(), given_pair)).golden
    assert golden is not None
    assert np.array_equal(golden.inputs[9:], np.repeat(values, 16)[:33])


def test_the_header_by_hand() -> None:
    """Offsets as docs/artifact.md gives them."""
    blob = write(plan())
    assert blob[:4] == b"ESA\x1a" and blob[4:8] == b"\1\0\0\0"
    assert int.from_bytes(blob[8:12], "little") == len(blob)
    assert int.from_bytes(blob[12:16], "little") == zlib.crc32(blob[16:])
    assert blob[16:48] == bytes(range(32))
    assert np.frombuffer(blob[52:56], "<f4")[0] == 16000.0
    assert np.frombuffer(blob[56:68], "<u4").tolist() == [64, 3, 256]
    count = int.from_bytes(blob[48:52], "little")
    rows = np.frombuffer(blob[96 : 96 + 16 * count], "<u4").reshape(-1, 4)
    assert rows[:, 0].tolist() == sorted(set(rows[:, 0].tolist()))
    assert not (rows[:, 1] % 64).any()
    sizes = dict(zip(rows[:, 0].tolist(), (rows[:, 2] // np.maximum(rows[:, 3], 1)).tolist()))
    expected = {1: 1, 2: 4, 3: 16, 4: 64, 5: 16, 6: 64, 7: 64, 8: 32, 9: 1, 10: 1}
    assert sizes == expected


def test_unknown_sections_are_ignored() -> None:
    blob = bytearray(write(plan()))
    count = int.from_bytes(blob[48:52], "little")
    row = 96 + 16 * (count - 1)
    assert int.from_bytes(blob[row : row + 4], "little") == Section.MANIFEST
    blob[row : row + 4] = (99).to_bytes(4, "little")
    assert read(repaired(blob)) == replace(plan(), manifest={})


@pytest.mark.parametrize("at", [0, 5, 9, 13, 40, 70, 97, 300, -1])
def test_every_flipped_byte_is_noticed(at: int) -> None:
    blob = bytearray(write(plan()))
    blob[at] ^= 1
    with pytest.raises(ArtifactError):
        read(bytes(blob))


@given(st.integers(0, 2**16))
def test_every_truncation_is_noticed(length: int) -> None:
    blob = write(plan())
    with pytest.raises(ArtifactError):
        read(blob[: length % len(blob)])


@given(st.binary(max_size=300))
def test_noise_is_refused(body: bytes) -> None:
    for blob in (body, r.MAGIC + body):
        with pytest.raises(ArtifactError):
            read(blob)


WORDS = [0, 1, 2, 3, 5, 15, 16, 63, 64, 127, 255, 2**16, 2**31, 2**32 - 1, 0x7F800000]


@given(
    st.lists(st.tuples(st.integers(4, 2**12), st.sampled_from(WORDS)), min_size=1, max_size=3),
    st.booleans(),
)
def test_damage_under_a_right_checksum(edits: list[tuple[int, int]], golden: bool) -> None:
    """Any 32-bit word changed: refused by ArtifactError, or read as a plan that can be written."""
    blob = bytearray(write(plan(), pair() if golden else None))
    for position, value in edits:
        at = position * 4 % (len(blob) - 4)
        if not 4 <= at < 16:
            blob[at : at + 4] = value.to_bytes(4, "little")
    try:
        found = read(repaired(blob))
    except ArtifactError as error:
        assert "\n" not in str(error)
    else:
        assert read(write(found)) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 0}, "0 frames"),
        ({"frames": 257}, "257 frames"),
        ({"tolerance": float("nan")}, "tolerance nan"),
        ({"outputs": {}}, "lack port 'out'"),
        ({"outputs": {"out": np.zeros((4, 3))}}, "port 'out'"),
        ({"outputs": {"out": np.full((5, 3), np.inf)}}, "not finite"),
    ],
)
def test_bad_test_vectors(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        write(plan(), pair() | change)


def test_names_hold_no_zero() -> None:
    bad = replace(plan(), ports=(replace(plan().ports[0], name="a\0b"), *plan().ports[1:]))
    with pytest.raises(ArtifactError, match="zero character"):
        write(bad)
