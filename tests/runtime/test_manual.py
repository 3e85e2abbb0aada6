"""The C text of docs/runtime.md compiles as it stands, and plays a note."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from firmware_bridge.build import INCLUDE, native_compiler
from firmware_bridge.library import library_path

ROOT = Path(__file__).resolve().parents[2]
MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
static void *take(size_t n) { return aligned_alloc(ES_ALIGN, (n + ES_ALIGN - 1) / ES_ALIGN * ES_ALIGN); }
int main(int argc, char **argv) {
    void *blob; size_t bytes; float out[480]; double power = 0.0;
    if (argc != 2 || es_file_read(argv[1], &blob, &bytes) != ES_OK) return 1;
    es_voice *voice = open_voice(blob, bytes, take);
    if (!voice) return 2;
    for (int b = 0; b < 50; b++) {
        callback(voice, out, 480);
        for (int i = 0; i < 480; i++) power += (double)out[i] * out[i];
    }
    printf("%g\n", power);
    es_file_free(blob);
    return 0;
}
"""


def snippet() -> str:
    return re.search(r"```c\n(.*?)```", (ROOT / "docs/runtime.md").read_text(), re.S).group(1)  # type: ignore[union-attr]


def test_the_manuals_code_plays(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    import edgesynth
    from edgesynth.models.ddsp import DDSP

    graph = DDSP(hidden=8, harmonics=5, bands=9).build()["decoder"]
    (tmp_path / "synth.esa").write_bytes(edgesynth.export(graph))
    source = tmp_path / "manual.c"
    source.write_text(snippet() + MAIN)
    program = tmp_path / "manual"
    library = library_path()
    command = [
        *native_compiler(), "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{INCLUDE}",
        str(source), str(library), f"-Wl,-rpath,{library.parent}", "-o", str(program),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    done = subprocess.run([program, tmp_path / "synth.esa"], capture_output=True, text=True)
    assert done.returncode == 0 and float(done.stdout) > 0
