"""`python -m edgesynth`."""

from edgesynth.cli import main

main()
