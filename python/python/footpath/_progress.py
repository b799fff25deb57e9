"""How far a call is: told to a function, or shown as a bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Union

from ._errors import UsageError

DEVICE = "flex"
"""Where tensors are computed unless told otherwise: the CPU."""


class Progress(NamedTuple):
    """How far a piece of work is.

    >>> import footpath as fp
    >>> told = []
    >>> _ = fp.Kg(films).sample(hops=3, paths_per_user=20_000).to_numpy(progress=told.append)
    >>> {(progress.stage, progress.unit, progress.of) for progress in told}
    {('sampling', 'users', 480)}
    >>> told[-1].done
    480
    """

    stage: str
    """What is being done, such as ``"sampling"``."""
    done: int
    """How much of it is done, in ``unit``."""
    of: int | None
    """Of how much, where that is known."""
    unit: str
    """What is counted, such as ``"users"``."""


ProgressOption = Union[Callable[[Progress], object], bool, None]
"""A function that is told, ``True`` for a bar, ``False`` for silence; ``None`` for a bar where somebody looks on."""

RawProgress = Callable[[str, int, Union[int, None], str], None]
"""What the extension module calls."""

Call = tuple[int, str, Union[RawProgress, None]]
"""Threads, device, and who is told; what every slow function of the extension module takes."""


class Watched:
    """Makes a call of the options that every slow function has, and tidies the bar away when it is done.

    >>> with Watched(2, False) as call:
    ...     call[:2]
    (2, 'flex')
    """

    def __init__(self, threads: int, progress: ProgressOption, device: str = DEVICE) -> None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 0:
            raise UsageError(f"threads: must be a whole number from 0 (one for each core), got {threads!r}")
        self._bar: _Bar | None = None
        told: RawProgress | None = None
        if callable(progress):
            listener = progress
            told = lambda stage, done, of, unit: _drop(listener(Progress(stage, done, of, unit)))  # noqa: E731
        elif progress is True or (progress is None and _somebody_looks_on()):
            self._bar = _Bar()
            told = self._bar.show
        self._call: Call = (threads, device, told)

    def __enter__(self) -> Call:
        return self._call

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.end()


def _drop(_: object) -> None:
    """What a listener returns is nobody's business."""


def _somebody_looks_on() -> bool:
    """Whether standard error is a terminal, or this is a notebook."""
    if "ipykernel" in sys.modules:
        return True
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


class _Bar:
    """A line on standard error that is written over and over."""

    WIDTH = 30
    PATIENCE_S = 0.5

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._longest = 0

    def show(self, stage: str, done: int, of: int | None, unit: str) -> None:
        """Shows how far it is; nothing in the first moments, for most calls are done by then."""
        if time.monotonic() - self._begun < self.PATIENCE_S:
            return
        if of:
            share = min(done / of, 1.0)
            filled = "█" * int(share * self.WIDTH)
            line = f"{stage:<12} |{filled:<{self.WIDTH}}| {done:,}/{of:,} {unit}"
        else:
            line = f"{stage:<12} {done:,} {unit}"
        self._write("\r" + line.ljust(self._longest))
        self._longest = len(line)

    def end(self) -> None:
        """Takes the line away."""
        if self._longest:
            self._write("\r" + " " * self._longest + "\r")

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            # A closed terminal is no reason to fail.
            pass
