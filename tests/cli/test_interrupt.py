"""Ctrl-C in training loses nothing: the same command goes on to the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgesynth.save import load

SETTINGS = ("hidden=6", "harmonics=4", "bands=5", "seconds=0.1", "batch=2")


def command(out: Path) -> list[str]:
    words = [sys.executable, "-m", "edgesynth", "train", "ddsp", "-o", str(out)]
    words += ["--data", "instrument:bowed?notes=12&seconds=0.5", "--steps", "400", "--early", "20"]
    return words + [w for s in SETTINGS for w in ("--set", s)]


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    environment = dict(os.environ, XDG_CACHE_HOME=str(tmp_path / "cache"))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run(command(whole), env=environment, check=True, capture_output=True)

    running = subprocess.Popen(command(cut), env=environment, stderr=subprocess.PIPE, text=True)
    begun = time.monotonic()
    folder = tmp_path / "cut-run"
    while not any(folder.glob("*")) and running.poll() is None and time.monotonic() < begun + 60:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, text = running.communicate(timeout=60)
    assert running.returncode == 130, text
    assert text.splitlines()[-1].startswith("edgesynth: stopped; run the same command again")
    assert not (tmp_path / "cut.json").exists()

    done = subprocess.run(command(cut), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("", "-early"):
        a, b = load(f"{whole}{name}"), load(f"{cut}{name}")
        assert a.fingerprint() == b.fingerprint()
