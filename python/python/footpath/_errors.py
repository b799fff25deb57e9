"""What can go wrong, by class. The messages are those of the command line."""

from __future__ import annotations


class Error(Exception):
    """Anything that goes wrong in Footpath."""


class UsageError(Error, ValueError):
    """What was asked for makes no sense: options that contradict each other, numbers out of range, a bad pattern."""


class InputError(Error, ValueError):
    """The data is bad, or names what the graph does not have. The message says which row or line."""


class ArtefactError(Error):
    """A graph, corpus or model is damaged, of another version, or not of the graph that was given."""


class RuntimeFailure(Error, OSError):
    """The machine or the file system failed."""


class Stopped(Error):
    """The work was ended early. Ctrl-C raises `KeyboardInterrupt` instead."""
