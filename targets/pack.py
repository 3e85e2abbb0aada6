"""Parameters as kernels read them: panels of 16 outputs, padded vectors, or plain; and back."""

from __future__ import annotations

import numpy as np

from edgesynth.errors import ArtifactError, GraphError
from edgesynth.formats import FORMATS
from edgesynth.graph import Param
from edgesynth.ops.base import Pack
from targets.plan import LANES, PlanParam, padded


def pack(param: Param, how: Pack, name: str = "") -> PlanParam:
    """The parameter in the layout `how`; GraphError where its shape does not allow that."""
    array = param.array
    n = array.shape[0] if array.ndim else 1
    if how.blocks < 1 or n % how.blocks or (how.layout == "plain" and how.blocks != 1):
        raise GraphError(f"{name}: {n} outputs do not lie in {how.blocks} blocks ({how.layout})")
    if how.layout == "panels" and array.ndim not in (2, 3):
        raise GraphError(f"{name}: panels need 2 or 3 axes, not {array.ndim}")
    if how.layout == "vector" and array.ndim > 1:
        raise GraphError(f"{name}: a vector has one axis, not {array.ndim}")
    if array.ndim > 4:
        raise GraphError(f"{name}: a parameter has at most 4 axes, not {array.ndim}")
    packed = {"panels": _panels, "vector": _vector, "plain": _plain}[how.layout](array, how.blocks)
    scale = b"" if param.scale is None else _vector(param.scale, how.blocks).tobytes()
    return PlanParam(
        param.format, how.layout, how.blocks, array.shape, packed.tobytes(), scale, name
    )


def unpack(param: PlanParam) -> Param:
    """The inverse of `pack`: logical shape, padding dropped."""
    spec = FORMATS[param.format]
    data_bytes, scale_bytes = sizes(param.format, param.layout, param.blocks, param.shape)
    if len(param.data) != data_bytes or len(param.scale) != scale_bytes:
        raise ArtifactError(f"parameter {param.name}: {len(param.data)} bytes, not {data_bytes}")
    flat = np.frombuffer(param.data, spec.dtype)
    shape, blocks = param.shape, param.blocks
    if param.layout == "plain":
        array = flat.reshape(shape)
    elif param.layout == "vector":
        array = _unvector(flat, shape[0] if shape else 1, blocks).reshape(shape)
    else:
        part = shape[0] // blocks
        taps = shape[2:] or (1,)
        rows = flat.reshape(blocks, padded(part) // LANES, *taps, shape[1], LANES)
        rows = rows.transpose(0, 1, 4, 3, 2).reshape(blocks, padded(part), shape[1], *taps)
        array = rows[:, :part].reshape(shape)
    if not spec.scaled:
        return Param(array, param.format)
    scale = _unvector(np.frombuffer(param.scale, "<f4"), shape[0] if shape else 1, blocks)
    return Param(array, param.format, scale)


def sizes(format_name: str, layout: str, blocks: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """(data bytes, scale bytes) that a packed parameter takes."""
    spec = FORMATS[format_name]
    n = shape[0] if shape else 1
    rest = 1
    for size in shape[1:]:
        rest *= size
    outputs = n if layout == "plain" else blocks * padded(n // blocks)
    scale = 4 * blocks * padded(n // blocks) if spec.scaled else 0
    return outputs * rest * spec.bytes, scale


def _plain(array: np.ndarray, blocks: int) -> np.ndarray:
    return np.ascontiguousarray(array)


def _vector(array: np.ndarray, blocks: int) -> np.ndarray:
    part = array.reshape(blocks, -1)
    out = np.zeros((blocks, padded(part.shape[1])), array.dtype)
    out[:, : part.shape[1]] = part
    return out


def _panels(array: np.ndarray, blocks: int) -> np.ndarray:
    out, width = array.shape[:2]
    part = out // blocks
    rows = np.zeros((blocks, padded(part), width, *(array.shape[2:] or (1,))), array.dtype)
    rows[:, :part] = array.reshape(blocks, part, width, -1)
    panels = rows.reshape(blocks, padded(part) // LANES, LANES, width, -1)
    return np.ascontiguousarray(panels.transpose(0, 1, 4, 3, 2))


def _unvector(flat: np.ndarray, n: int, blocks: int) -> np.ndarray:
    return flat.reshape(blocks, -1)[:, : n // blocks].reshape(n)
