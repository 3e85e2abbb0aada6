"""A saved Graph comes back the same, and no damaged file gives a Graph."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgesynth.edit import build, with_masks, with_params
from edgesynth.errors import EdgesynthError, GraphError, InputError
from edgesynth.graph import Graph, MidiSource, Node, Param, Port, Shape
from edgesynth.save import card, load, save
from edgesynth.verify import verify

FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def two_layers(seed: int = 0) -> Graph:
    rng = np.random.default_rng(seed)
    params = {
        "a.weight": Param(rng.standard_normal((5, 3))),
        "a.bias": Param(rng.standard_normal(5), trainable=False),
        "b.weight": Param(rng.standard_normal((2, 5))),
    }
    nodes = [
        Node("a", "linear", ("x",), ("h",), {"weight": "a.weight", "bias": "a.bias"}),
        Node("b", "linear", ("h",), ("y",), {"weight": "b.weight"}),
    ]
    midi = (MidiSource("cc", number=3, low=0.1),)
    ports = [
        Port("x", "in", "x", kind="frame", low=-1.0, high=1.0, midi=midi),
        Port("out", "out", "y"),
    ]
    graph = build("two", nodes, params, ports, {"x": Shape((3,))}, rate=250.0, meta={"k": [1]})
    verify(graph)
    return graph


def test_round_trip_keeps_everything(tmp_path: Path) -> None:
    graph = with_masks(two_layers(), {"h": [True, False, True, True, True]})
    codes = np.arange(10, dtype=np.int8).reshape(2, 5)
    graph = with_params(graph, {"b.weight": Param(codes, "i8", np.array([0.5, 2.0]))})
    save(graph, tmp_path / "deep" / "net.v1", card={"error": 0.25})
    for path in ("net.v1", "net.v1.json", "net.v1.safetensors"):
        again = load(tmp_path / "deep" / path)
        assert again.fingerprint() == graph.fingerprint()
        assert again.ports == graph.ports and again.meta == graph.meta
        assert again.params["a.bias"].trainable is False
        assert np.array_equal(again.masks["h"], graph.masks["h"])
        assert np.array_equal(again.params["b.weight"].values(), graph.params["b.weight"].values())
    assert card(tmp_path / "deep" / "net.v1") == {"error": 0.25}
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == [
        "net.v1.json", "net.v1.safetensors",
    ]


def test_same_graph_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(two_layers(), tmp_path / name)
    for suffix in (".json", ".safetensors"):
        one, two = ((tmp_path / (n + suffix)).read_bytes() for n in ("one", "two"))
        assert one == two


@pytest.mark.parametrize("gone", [".json", ".safetensors"])
def test_missing_file_is_named(tmp_path: Path, gone: str) -> None:
    save(two_layers(), tmp_path / "net")
    (tmp_path / f"net{gone}").unlink()
    with pytest.raises(InputError, match=f"net{gone}"):
        load(tmp_path / "net")


def test_other_tensors_are_refused(tmp_path: Path) -> None:
    save(two_layers(0), tmp_path / "net")
    save(two_layers(1), tmp_path / "other")
    (tmp_path / "other.safetensors").replace(tmp_path / "net.safetensors")
    with pytest.raises(InputError, match="does not match"):
        load(tmp_path / "net")


def test_meta_that_is_not_json_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="JSON"):
        save(two_layers(), tmp_path / "net", card={"error": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("files", [0, 1])
def test_full_disk_leaves_the_old_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    save(two_layers(), tmp_path / "net")
    written: list[int] = []

    def full(fd: int) -> None:
        written.append(fd)
        if len(written) > files:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        save(two_layers(1), tmp_path / "net")
    assert len(list(tmp_path.iterdir())) == 2
    assert load(tmp_path / "net").fingerprint() == two_layers().fingerprint()


def resealed(path: Path, text: dict) -> None:
    """Write the JSON with its own hash made right again, as an attacker would."""
    from edgesynth.save import _digest

    text["sha256"]["graph"] = _digest({"graph": text["graph"], "params": text["params"]})
    path.write_text(json.dumps(text))


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (lambda t: t["graph"]["nodes"][0].__setitem__(1, "wavelet"), "wavelet"),
        (lambda t: t["graph"]["shapes"].__setitem__("h", [[9], [1, 1], 0]), "'h'"),
        (lambda t: t["graph"]["shapes"].__setitem__("h", [[5], [1, 0], 0]), "no graph"),
        (lambda t: t["graph"]["ports"][0].__setitem__("value", "nowhere"), "nowhere|'x'"),
        (lambda t: t["graph"]["ports"][0].pop("kind"), "kind"),
        (lambda t: t["graph"].pop("nodes"), "nodes"),
        (lambda t: t["params"]["a.weight"].__setitem__("format", "f5"), "no graph"),
        (lambda t: t["params"].pop("a.weight"), "a.weight"),
        (lambda t: t["graph"]["nodes"][1][4].__setitem__("weight", "a.weight"), "^b: input"),
    ],
)
def test_resealed_lies_are_refused_by_name(tmp_path: Path, edit, match: str) -> None:
    save(two_layers(), tmp_path / "net")
    path = tmp_path / "net.json"
    text = json.loads(path.read_text())
    edit(text)
    resealed(path, text)
    with pytest.raises(GraphError, match=match):
        load(path)


def test_non_finite_values_are_refused(tmp_path: Path) -> None:
    bad = two_layers()
    weight = bad.params["a.weight"].array.copy()
    weight[0, 0] = np.inf
    save(with_params(bad, {"a.weight": Param(weight)}), tmp_path / "net")
    with pytest.raises(GraphError, match=r"a\.weight"):
        load(tmp_path / "net")


@settings(FUZZ, max_examples=150)
@given(data=st.data())
def test_no_damage_gives_another_graph(tmp_path: Path, data: st.DataObject) -> None:
    graph = two_layers()
    save(graph, tmp_path / "net")
    path = tmp_path / data.draw(st.sampled_from(["net.json", "net.safetensors"]))
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[at] = data.draw(st.integers(0, 255))
    else:
        del raw[at:]
    path.write_bytes(raw)
    try:
        again = load(path)
    except EdgesynthError:
        return
    assert again.fingerprint() == graph.fingerprint()


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["linear", "x", "h", "weight", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@settings(FUZZ, max_examples=300)
@given(data=st.data())
def test_junk_in_the_structure_is_a_clear_error(tmp_path: Path, data: st.DataObject) -> None:
    """With hashes made right, a wrong value either raises our error or leaves a verified Graph."""
    save(two_layers(), tmp_path / "net")
    path = tmp_path / "net.json"
    text = json.loads(path.read_text())
    place, key = text, data.draw(st.sampled_from(["graph", "params"]))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 5)):
        place = place[key]
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
    place[key] = data.draw(_JUNK)
    resealed(path, text)
    try:
        verify(load(path))
    except EdgesynthError as e:
        assert "\n" not in str(e)


@settings(FUZZ, max_examples=200)
@given(data=st.data())
def test_damaged_tensors_with_their_hash_made_right(tmp_path: Path, data: st.DataObject) -> None:
    """The tensor file itself lies: our error, or a verified Graph of other values."""
    graph = with_masks(two_layers(), {"h": [True] * 5})
    save(graph, tmp_path / "net")
    path = tmp_path / "net.safetensors"
    raw = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(raw[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, header - 1))] = data.draw(st.sampled_from(b'0159"[],:{}FIUB '))
    raw = raw[: data.draw(st.integers(header, len(raw)))]
    path.write_bytes(raw)
    text = json.loads((tmp_path / "net.json").read_text())
    text["sha256"]["tensors"] = hashlib.sha256(raw).hexdigest()
    (tmp_path / "net.json").write_text(json.dumps(text))
    try:
        verify(load(path))
    except EdgesynthError as e:
        assert "\n" not in str(e)
