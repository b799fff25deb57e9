"""The whole of parts that were made apart."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable

from . import _native
from ._errors import UsageError
from ._graphs import Kg
from ._progress import ProgressOption, Watched
from ._reports import Report
from ._shapes import PathLike


def concat(
    parts: Iterable[PathLike],
    out: PathLike,
    *,
    force: bool = False,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Report:
    """Makes the corpus whose parts were sampled apart, given in any order: byte for byte the one that is sampled at
    once. Returns ``num_parts``, ``num_paths`` and the ``hash`` of the whole.

    Raises `ArtefactError` naming the parts that are damaged, of another graph, seed or law, that have the same users,
    or between which users are missing.

    >>> import footpath as fp, tempfile
    >>> paths, place = fp.Kg(films).sample(hops=3, paths_per_user=2), tempfile.mkdtemp()
    >>> for name, users in {"first": (0, 200), "second": (200, 480)}.items():
    ...     _ = paths.publish(f"{place}/{name}", users)
    >>> fp.concat([f"{place}/second", f"{place}/first"], f"{place}/corpus")["num_paths"]
    960
    """
    with Watched(threads, progress) as call:
        return Report.parsed(_native.concat_corpora(_paths(parts), os.fspath(out), force, call))


def concat_lists(
    parts: Iterable[PathLike],
    kg: Kg,
    out: PathLike,
    *,
    partial: bool = False,
    force: bool = False,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Report:
    """Makes one file of recommendations of files of parts of the users, given in any order: JSON lines, TSV or Parquet
    as ``footpath recommend`` writes them. Returns ``form``, ``num_parts``, ``num_users`` and ``num_missing``.

    Raises `ArtefactError` naming parts that have the same user, and users whom no part has unless ``partial``. The
    files do not say which model made them.

    >>> import footpath as fp, tempfile
    >>> model, place = fp.Model(tiny, films), tempfile.mkdtemp()
    >>> for name, users in {"first": (0, 192), "second": (192, 480)}.items():
    ...     model.recommend(part=users, k=2, beams=20).save(f"{place}/{name}")
    >>> fp.concat_lists([f"{place}/first", f"{place}/second"], model.kg, f"{place}/recs.jsonl")["num_users"]
    480
    """
    with Watched(threads, progress) as call:
        return Report.parsed(
            _native.concat_lists(_paths(parts), kg.native, os.fspath(out), partial, force, call)
        )


def _paths(parts: Iterable[PathLike]) -> list[str]:
    paths = [os.fspath(part) for part in parts]
    if not paths:
        raise UsageError("parts: give at least one")
    return paths


def write_whole(path: PathLike, pieces: Iterable[bytes]) -> None:
    """Writes a file that appears whole or not at all. Whoever writes the same at the same time does no harm."""
    place = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(place)
    unfinished = os.path.join(folder, f".{name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(unfinished, "xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, place)
    except BaseException:
        if os.path.exists(unfinished):
            os.remove(unfinished)
        raise


def dumps(value: object) -> str:
    """A value as JSON that is the same wherever it is made."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
