"""What can go wrong, by class. The messages are those of the command line."""

from __future__ import annotations


class Error(Exception):
    """Anything that goes wrong in Footpath.

    >>> import footpath as fp
    >>> try:
    ...     fp.Kg("nowhere")
    ... except fp.Error as error:
    ...     print(type(error).__name__)
    RuntimeFailure
    """

    __module__ = "footpath"


class UsageError(Error, ValueError):
    """What was asked for makes no sense: options that contradict each other, numbers out of range, a bad pattern.

    >>> import footpath as fp
    >>> fp.Kg(films).neighbours("item:alien-1979", limit=-1)
    Traceback (most recent call last):
    ...
    footpath.UsageError: limit: must be at least 0, got -1
    """

    __module__ = "footpath"


class InputError(Error, ValueError):
    """The data is bad, or names what the graph does not have. The message says which row or line.

    >>> import footpath as fp
    >>> fp.Kg(films).items_of("nobody")
    Traceback (most recent call last):
    ...
    footpath.InputError: ...
    """

    __module__ = "footpath"


class ArtefactError(Error):
    """A graph, corpus or model is damaged, of another version, or not of the graph that was given.

    >>> import footpath as fp
    >>> fp.Kg("data/films")
    Traceback (most recent call last):
    ...
    footpath.ArtefactError: ...
    """

    __module__ = "footpath"


class RuntimeFailure(Error, OSError):
    """The machine or the file system failed.

    >>> import footpath as fp
    >>> fp.import_folder("data/films", out="/proc/kg")
    Traceback (most recent call last):
    ...
    footpath.RuntimeFailure: ...
    """

    __module__ = "footpath"


class Stopped(Error):
    """The work was ended early. Ctrl-C raises `KeyboardInterrupt` instead.

    >>> import footpath as fp
    >>> issubclass(fp.Stopped, fp.Error)
    True
    """

    __module__ = "footpath"
