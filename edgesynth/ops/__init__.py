"""The ops. `OPS` maps an op's name (its file name) to its one instance."""

import sys

from edgesynth.discover import subclasses
from edgesynth.ops.base import Op

OPS: dict[str, Op] = {
    name: kind() for name, kind in subclasses(sys.modules[__name__], Op).items()
}
