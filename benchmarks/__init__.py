"""Suites, thresholds and results; the timing loops themselves are in `firmware_bridge/measure/`."""
