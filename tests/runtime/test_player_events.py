"""Events: what each does to the controls, against a model in Python, and that no split shows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime.handmade import controls

from edgesynth.errors import InputError
from firmware_bridge.events import Event
from firmware_bridge.play import Player

FRAMES = 200
SPEC = {  # low, high, default
    "pitch": (20.0, 4000.0, 220.0), "level": (-80.0, 0.0, -30.0), "cutoff": (-1e30, 1e30, 0.0),
}


class Line:
    """A control's value: a line from `a` at frame `start` to `b`, `length` frames later."""

    def __init__(self, value: float) -> None:
        self.a = self.b = self.base = value
        self.start, self.length = 0, 0.0

    def at(self, frame: int) -> float:
        gone = frame - self.start
        return self.b if gone >= self.length else self.a + (self.b - self.a) * gone / self.length


def expected(events: list[Event], ramp: int) -> dict[str, np.ndarray]:
    """Every control's value at every frame, by the words of docs and header alone."""
    lines = {name: Line(spec[2]) for name, spec in SPEC.items()}
    held: list[int] = []
    bend = 0.0
    out = {name: np.zeros(FRAMES) for name in SPEC}

    def move(name: str, base: float, length: float, frame: int) -> None:
        line = lines[name]
        line.a, line.start, line.length, line.base = line.at(frame), frame, length, base
        bent = base * 2 ** (bend * 2 / 12) if name == "pitch" else base
        line.b = min(max(bent, SPEC[name][0]), SPEC[name][1])

    def hertz(key: int) -> float:
        return 440.0 * 2 ** ((key - 69) / 12)

    for frame in range(FRAMES):
        for e in (e for e in events if e.offset == frame):
            if e.kind == "control":
                move(str(e.target), e.value, ramp if e.ramp is None else e.ramp, frame)
            elif e.kind == "note_on" and e.value > 0:
                if e.target in held:
                    held.remove(e.target)
                held = (held + [e.target])[-16:]
                move("pitch", hertz(e.target), 7, frame)
                move("level", -60 + 54 * e.value, 5, frame)
            elif e.kind in ("note_on", "note_off"):
                sounding = bool(held) and held[-1] == e.target
                if e.target in held:
                    held.remove(e.target)
                if sounding and held:
                    move("pitch", hertz(held[-1]), 7, frame)
                elif sounding:
                    move("level", -80, 11, frame)
            elif e.kind == "cc" and e.target == 74:
                move("cutoff", 10 * e.value, 3, frame)
            elif e.kind == "bend":
                bend = e.value
                move("pitch", lines["pitch"].base, 0, frame)
        for name, line in lines.items():
            out[name][frame] = line.at(frame)
    return out


def f32(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, width=32, allow_subnormal=False)  # the runtime reads those as 0


AT = st.integers(0, FRAMES - 1)
EVENT = st.one_of(
    st.builds(Event, AT, st.just("note_on"), st.integers(40, 80), f32(0, 1)),
    st.builds(Event, AT, st.just("note_off"), st.integers(40, 80)),
    st.builds(Event, AT, st.just("cc"), st.sampled_from([1, 74]), f32(0, 1)),
    st.builds(Event, AT, st.just("bend"), st.just(0), f32(-1, 1)),
    st.builds(Event, AT, st.just("control"), st.just("pitch"), f32(20, 4000),
              st.one_of(st.none(), f32(0, 60))),
    st.builds(Event, AT, st.just("control"), st.just("level"), f32(-80, 0),
              st.one_of(st.none(), f32(0, 60))),
)
EVENTS = st.lists(EVENT, max_size=30).map(lambda e: sorted(e, key=lambda x: x.offset))


def rendered(player: Player, events: list[Event], cuts: list[int]) -> dict[str, np.ndarray]:
    """All outputs over FRAMES frames, rendered in blocks that end at `cuts`."""
    edges = sorted({0, FRAMES, *cuts})
    parts = []
    for a, b in itertools.pairwise(edges):
        inside = [Event(e.offset - a, e.kind, e.target, e.value, e.ramp)
                  for e in events if a <= e.offset < b]
        parts.append(player.process({}, inside, frames=b - a))
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.integers(0, 40))
def test_controls_follow_the_written_rules(events: list[Event], ramp: int) -> None:
    got = rendered(Player(controls(ramp=ramp).blob()), events, [])
    want = expected(events, ramp)
    for out, name in (("p", "pitch"), ("l", "level"), ("c", "cutoff")):
        np.testing.assert_allclose(got[out], want[name], rtol=1e-6, atol=1e-5)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.lists(st.integers(1, FRAMES - 1), max_size=12), st.sampled_from([1, 3, 16, 48]),
       st.sampled_from([1, 7, 32, 500]))
def test_no_split_shows(events: list[Event], cuts: list[int], period: int, chunk: int) -> None:
    net = controls(chunk=chunk, period=period, ramp=9)
    whole = rendered(Player(net.blob()), events, [])
    pieces = rendered(Player(net.blob()), events, cuts)
    other = rendered(Player(controls(chunk=64, period=period, ramp=9).blob()), events, [])
    for name in whole:
        assert whole[name].shape == (-(-FRAMES // period),)
        assert whole[name].tobytes() == pieces[name].tobytes() == other[name].tobytes()


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.integers(1, FRAMES - 1))
def test_saved_and_loaded_goes_on_the_same(events: list[Event], cut: int) -> None:
    blob = controls(period=3, ramp=20).blob()
    first, second = Player(blob), Player(blob)
    want = rendered(Player(blob), events, [cut])
    before = [e for e in events if e.offset < cut]
    after = [Event(e.offset - cut, e.kind, e.target, e.value, e.ramp)
             for e in events if e.offset >= cut]
    head = first.process({}, before, frames=cut)
    second.load(first.save())
    assert second.clock == cut and second.save() == first.save()
    tail = second.process({}, after, frames=FRAMES - cut)
    for name in want:
        assert np.concatenate([head[name], tail[name]]).tobytes() == want[name].tobytes()


def test_values_per_frame_win_and_are_held() -> None:
    player = Player(controls().blob())
    curve = np.linspace(100, 300, 50, dtype=np.float32)
    out = player.process({"pitch": curve}, [Event(10, "control", "pitch", 999.0)])
    assert out["p"].tobytes() == curve.tobytes()
    assert (player.process({}, frames=20)["p"] == 300).all()


def test_a_number_is_a_change_with_the_ports_ramp() -> None:
    out = Player(controls(ramp=10).blob()).process({"level": -20.0}, frames=20)["l"]
    np.testing.assert_allclose(out, -30 + np.minimum(np.arange(20), 10), rtol=1e-6)


def test_out_of_range_is_refused_or_clipped() -> None:
    player = Player(controls().blob())
    with pytest.raises(InputError, match=r"'pitch' = 5 lies outside 20…4000"):
        player.process({"pitch": 5.0}, frames=8)
    with pytest.raises(InputError, match="lies outside"):
        player.process({}, [Event(0, "control", "pitch", 1e6)], frames=8)
    assert player.clock == 0
    assert (player.process({"pitch": 5.0}, frames=8, clip=True)["p"] == 20).all()
    high = np.full(8, 1e6, np.float32)
    assert (player.process({"pitch": high}, clip=True)["p"] == 4000).all()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event(8, "note_on", 60, 0.5), "offset 8"),
        (Event(0, "note_on", 128, 0.5), "0…127"),
        (Event(0, "note_on", 60, 1.5), "0…1"),
        (Event(0, "bend", 0, -2.0), "-1…1"),
        (Event(0, "cc", 3, float("nan")), "finite"),
        (Event(0, "slide", 3, 0.5), "unknown event 'slide'"),
        (Event(0, "control", "pich", 100.0), "nearest is 'pitch'"),
        (Event(0, "control", 9, 100.0), "no input port 9"),
        (Event(0, "control", "pitch", 100.0, -1.0), "ramp of -1"),
    ],
)
def test_bad_events_are_refused_and_nothing_moves(event: Event, words: str) -> None:
    player = Player(controls().blob())
    with pytest.raises(InputError, match=words):
        player.process({}, [event], frames=8)
    assert player.clock == 0
