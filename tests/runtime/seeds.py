"""Writes the fuzzer's first artifacts: python -m runtime.seeds FOLDER (from tests/)."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

from runtime import small_nets
from runtime.handmade import controls, wire


def main(folder: Path) -> None:
    golden = wire(2)
    golden.golden = struct.pack("<If2I", 5, 1e-6, 10, 10) + bytes(80)
    made = {"wire": wire(3).blob(), "controls": controls(ramp=9).blob(), "golden": golden.blob()}
    made |= {"decoder": small_nets.decoder()} | dict(small_nets.op_artifacts())
    folder.mkdir(parents=True, exist_ok=True)
    for name, blob in made.items():
        if len(blob) <= 65536:
            (folder / name).write_bytes(blob)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
