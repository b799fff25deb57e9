"""Where outputs go: where they were asked for, or to a place that goes with what was made there."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from typing import IO, Any, TypeVar

try:
    import fcntl
except ImportError:
    # Nothing is swept up then.
    fcntl = None  # type: ignore[assignment,unused-ignore]

from ._shapes import PathLike

MEMORY = "/dev/shm"
"""Where systems have files in memory, as Linux does."""
ROOM = 4
"""An output is made in memory where this many times as much is free there."""
PREFIX = "footpath-"
LOCK = "lock"

Owner = TypeVar("Owner")


class Place:
    """Where an output goes: ``out``, or ``name`` in a temporary directory of its own.

    The directory goes with its owner (`kept_by`), and before there is one with the place. One that was left by a
    process that was killed goes when the next is made: it has a lock, which ends with its process whatever happens.
    """

    def __init__(self, out: PathLike | None, name: str, bytes_at_most: int | None = None) -> None:
        """``bytes_at_most``: what the output can come to, where that is known. It is then kept in memory if there is
        room for it."""
        self._finalizer: weakref.finalize[..., Any] | None = None
        if out is not None:
            self.path = os.fspath(out)
            return
        parent = parent_for(bytes_at_most)
        _sweep(parent)
        root = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        self.path = os.path.join(root, name)
        # Until somebody keeps it, it goes with this place: also when the work fails.
        self._removal = (root, os.getpid(), _lock(root))
        self._finalizer = weakref.finalize(self, _remove, *self._removal)

    def kept_by(self, owner: Owner) -> Owner:
        """Lets a temporary directory live as long as ``owner``, or until the owner calls its ``_temporary``."""
        if self._finalizer is not None:
            self._finalizer.detach()
            removal = weakref.finalize(owner, _remove, *self._removal)
            if hasattr(owner, "_temporary"):
                setattr(owner, "_temporary", removal)  # noqa: B010
        return owner


def parent_for(bytes_at_most: int | None) -> str:
    """Where a temporary directory is made: in memory if the output has room there, else among the temporary files.

    >>> parent_for(None) == tempfile.gettempdir()
    True
    """
    if bytes_at_most is not None and os.access(MEMORY, os.W_OK | os.X_OK):
        found = os.statvfs(MEMORY)
        if found.f_bavail * found.f_frsize >= ROOM * bytes_at_most:
            return MEMORY
    return tempfile.gettempdir()


def bytes_of(frame: Any) -> int | None:
    """About as much as a graph of these rows can take, from above; ``None`` where the frame does not tell how large it
    is.

    >>> bytes_of({"user_id": ["ann"], "item_id": ["alien"]})
    1024
    """
    if isinstance(frame, dict):
        return 512 * sum(len(column) for column in frame.values())
    size = getattr(frame, "nbytes", None)
    if size is None and hasattr(frame, "estimated_size"):
        size = frame.estimated_size()
    elif size is None and hasattr(frame, "memory_usage"):
        size = frame.memory_usage(index=False, deep=True).sum()
    if size is None:
        return None
    # Names are kept once, but a fact has numbers in several tables, and a row may be of small numbers only.
    return 2 * int(size) + 256 * len(frame)


def _lock(root: str) -> IO[bytes] | None:
    """A lock that says that the process which made a directory is there, until the file is closed."""
    if fcntl is None:
        return None
    early = os.path.join(root, LOCK + ".new")
    file = open(early, "wb")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # It has its name only once it is held, so that nobody finds it free.
    os.rename(early, os.path.join(root, LOCK))
    return file


def _sweep(parent: str) -> None:
    """Removes the directories of processes that are no more."""
    if fcntl is None:
        return
    with os.scandir(parent) as entries:
        roots = [entry.path for entry in entries if entry.name.startswith(PREFIX)]
    for root in roots:
        try:
            with open(os.path.join(root, LOCK), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(root, ignore_errors=True)
        except OSError:
            # Held, without a lock, of somebody else, or gone in the meantime.
            continue


def _remove(root: str, process: int, lock: IO[bytes] | None) -> None:
    # A child made by fork has the object too, and the directory is not its own.
    if os.getpid() == process:
        shutil.rmtree(root, ignore_errors=True)
    if lock is not None:
        lock.close()
