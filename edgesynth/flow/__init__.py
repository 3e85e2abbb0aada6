"""The whole way from a user's wish to a result: one file per command.

A file here defines one `Command`; the command line is made from its fields (`edgesynth.cli`).
This package and `edgesynth.cli` are the only ones that know every room.
"""
