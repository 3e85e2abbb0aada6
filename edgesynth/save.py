"""Saved Graphs: arrays in `path.safetensors`, structure and model card in `path.json`; no pickle.

The JSON holds {"format": "edgesynth graph", "version": 1, "graph", "params", "meta", "card",
"sha256": {"tensors", "graph"}}. Tensors are named "param/<name>", "scale/<name>", "mask/<value>".
A file is untrusted: hashes, types, ops, shapes and values are checked before a Graph is returned.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgesynth.edit import with_masks
from edgesynth.errors import GraphError, InputError
from edgesynth.formats import FORMATS
from edgesynth.graph import Graph, Param
from edgesynth.structure import TEXT, fields, read, structure, typed
from edgesynth.verify import verify

FORMAT = "edgesynth graph"
VERSION = 1
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def save(graph: Graph, path: str | Path, card: Mapping[str, Any] | None = None) -> Path:
    """Write `path.safetensors` and `path.json` under temporary names, then rename both, JSON last.

    `card` is the model card: what made these weights, on what data, with what error. Gives the
    JSON's path. InputError where the disk refuses or meta and card are not JSON.
    """
    from safetensors.numpy import save as pack

    tensors = {f"param/{k}": p.array for k, p in graph.params.items()}
    tensors |= {f"scale/{k}": p.scale for k, p in graph.params.items() if p.scale is not None}
    tensors |= {f"mask/{k}": m.astype(np.uint8) for k, m in graph.masks.items()}
    data = pack({k: np.asarray(v, order="C") for k, v in sorted(tensors.items())})
    params = {k: {"format": p.format, "trainable": p.trainable} for k, p in graph.params.items()}
    body = {"graph": structure(graph), "params": params}
    text = {
        "format": FORMAT,
        "version": VERSION,
        **body,
        "meta": dict(graph.meta),
        "card": dict(card or {}),
        "sha256": {"tensors": hashlib.sha256(data).hexdigest(), "graph": _digest(body)},
    }
    stem = _stem(path)
    target = stem.with_name(stem.name + ".json")
    try:
        encoded = json.dumps(text, indent=1, allow_nan=False).encode()
    except (TypeError, ValueError) as e:
        raise InputError(f"meta or card of graph {graph.name!r} cannot be JSON: {e}") from e
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        _write({stem.with_name(stem.name + ".safetensors"): data, target: encoded})
    except OSError as e:
        raise InputError(f"cannot write {stem}: {e.strerror or e}") from e
    return target


def load(path: str | Path) -> Graph:
    """Read a saved Graph; `path` with either suffix or without.

    InputError: a file is missing, unreadable, of another version, or does not match its hash.
    GraphError: what it says is not a well-formed Graph.
    """
    stem = _stem(path)
    text = _read_json(stem)
    data = _read(stem, ".safetensors")
    hashes = text.get("sha256")
    if not isinstance(hashes, dict) or hashes.get("tensors") != hashlib.sha256(data).hexdigest():
        raise InputError(f"{stem}.safetensors does not match {stem.name}.json; copy both again")
    body = {"graph": text.get("graph"), "params": text.get("params")}
    if hashes.get("graph") != _digest(body):
        raise InputError(f"{stem}.json was changed or damaged; save the graph again")
    try:
        graph = _graph(text, data)
    except _BROKEN as e:
        raise GraphError(f"{stem}.json is no graph: {type(e).__name__}: {e}") from e
    verify(graph)
    return graph


def card(path: str | Path) -> dict[str, Any]:
    """The model card saved with a Graph; empty where there is none. Errors as `load`."""
    found = _read_json(_stem(path)).get("card", {})
    return found if isinstance(found, dict) else {}


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _stem(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix in (".json", ".safetensors"):
        path = path.with_name(path.name.removesuffix(path.suffix))
    if not path.name:
        raise InputError(f"{str(path)!r} names no file")
    return path


def _write(files: Mapping[Path, bytes]) -> None:
    """Write all files under temporary names, then rename all in order: a refusing disk leaves the
    old ones whole."""
    named = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in files}
    try:
        for path, data in files.items():
            with open(named[path], "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in named.items():
            os.replace(temporary, path)
    finally:
        for temporary in named.values():
            temporary.unlink(missing_ok=True)


def _read(stem: Path, suffix: str) -> bytes:
    path = stem.with_name(stem.name + suffix)
    try:
        return path.read_bytes()
    except FileNotFoundError as e:
        raise InputError(f"there is no {path}; a saved graph is .safetensors and .json") from e
    except (OSError, ValueError) as e:
        raise InputError(f"cannot read {path}: {e}") from e


def _read_json(stem: Path) -> dict[str, Any]:
    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no number")

    raw = _read(stem, ".json")
    try:
        text = json.loads(raw, parse_constant=refuse)
    except (ValueError, RecursionError) as e:
        raise InputError(f"{stem}.json is not JSON: {e}") from e
    if not isinstance(text, dict) or text.get("format") != FORMAT:
        raise InputError(f"{stem}.json is not a saved graph")
    if text.get("version") != VERSION:
        raise InputError(f"{stem}.json has version {text.get('version')!r}, not {VERSION}")
    return text


def _graph(text: Mapping[str, Any], data: bytes) -> Graph:
    """The Graph as told; whatever is not of the right type raises one of `_BROKEN`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpack

    try:
        tensors = unpack(data)
    except SafetensorError as e:
        raise ValueError(f"tensors: {e}") from e
    params = {}
    for name, row in typed(text["params"], dict).items():
        row = fields(row, {"format": TEXT, "trainable": (bool,)})
        array, scale = tensors.pop(f"param/{name}"), tensors.pop(f"scale/{name}", None)
        if array.dtype != FORMATS[row["format"]].dtype or not array.ndim <= 4:
            raise TypeError(f"parameter {name!r} is {array.dtype} of {array.shape}")
        params[name] = Param(array, row["format"], scale, row["trainable"])
    masks = {k.removeprefix("mask/"): v for k, v in tensors.items() if k.startswith("mask/")}
    if len(masks) != len(tensors):
        raise KeyError(f"tensors without a parameter: {sorted(set(tensors))[0]}")
    graph = read(text["graph"], params, typed(text["meta"], dict))
    return with_masks(graph, masks) if masks else graph
