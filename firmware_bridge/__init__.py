"""Bytes in, sound out: the C runtime, its Python face, and what plays and measures it on boards."""
