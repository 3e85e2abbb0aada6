"""Timing, counting and the adapters of other runtimes: what `edgesynth bench` needs."""
