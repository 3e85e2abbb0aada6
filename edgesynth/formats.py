"""The table of number formats: how a parameter's values are stored.

`f32` holds the values themselves. `i8` holds codes in [-127, 127] (symmetric) with one f32 scale
per output channel (axis 0 of the parameter): value = code · scale[channel].
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Format:
    """One number format: `id` stands in artifacts and is never reused."""

    name: str
    id: int
    dtype: np.dtype
    scaled: bool

    @property
    def bytes(self) -> int:
        """Bytes per stored value, scales apart."""
        return self.dtype.itemsize


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("f32", 0, np.dtype("<f4"), scaled=False),
        Format("i8", 1, np.dtype("i1"), scaled=True),
    )
}
