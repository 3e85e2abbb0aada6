"""Errors that a user can mend: one line that says what happened, where, and what to do."""


class EdgesynthError(Exception):
    """Base of every error that ends a command with one line and exit code 2."""


class CaptureError(EdgesynthError):
    """A module holds something the Graph cannot express; the message names it and the op to use."""


class GraphError(EdgesynthError):
    """A Graph is not well-formed; the message names the node or value."""


class StageError(EdgesynthError):
    """A stage's `requires` or `ensures` does not hold."""


class TrainError(EdgesynthError):
    """Training cannot go on; the message names the step and what to change."""


class InputError(EdgesynthError):
    """A file, option, control or recipe that the user gave cannot be used."""


class ArtifactError(EdgesynthError):
    """An artifact is malformed or does not fit the target; carries the runtime's status text."""
