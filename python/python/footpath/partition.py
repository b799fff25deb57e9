"""Work on parts of the users, in processes of any number of machines: what `footpath.dask`, `footpath.spark` and
`footpath.ray` hand to their engines.

A draw is a function of the seed, the user and its number, so a part is the same bytes wherever it is made, and one that
is made twice does no harm. A task is a pure function of a `Work`, which all tasks of a job share, and a part of it.

Each process keeps what it has opened, by content hash: graph, model, and the tables of a sampler. Where files are not
what the driver saw, or the package is of another version, a task refuses and says which.

>>> import footpath as fp
>>> kg = fp.Kg(films)
>>> work = work_of(kg, sample={"hops": 3, "paths_per_user": 2})
>>> parts = ranges(kg, 3, hops=3)
>>> sum(sample(work, part).num_rows for part in parts)
960
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import socket
import tempfile
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union

from . import _native
from ._errors import ArtefactError, RuntimeFailure, UsageError
from ._graphs import Kg, Paths
from ._judging import judged as _judged
from ._models import Model, train
from ._parts import dumps
from ._progress import Watched
from ._shapes import PathLike, shape

if TYPE_CHECKING:
    import pyarrow

Part = tuple[int, int]
"""Users by number, in the order of their ids, counted from 0; the second is left out."""
Pair = tuple[str, str]
"""A user and an item."""

USERS_TOGETHER = _native.USERS_TOGETHER
"""Users who may be searched for together, when it is recommended to them."""
MOST_KEPT = 8
"""Most graphs, models and samplers that a process keeps open; the one that was used longest ago goes first."""

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Options of `mallopt` in malloc.h."""

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Reference:
    """A graph or a model as tasks are told of it."""

    kind: Literal["kg", "model"]
    """What it is."""
    hash: str
    """Hash of its content: what a task opens has this one, or is refused."""
    path: str
    """Where a task opens it, the same on every node; nothing for the cache of the node, where `place` puts it."""
    source: str | None = None
    """Where a node that does not have it gets it: a path, or a URL that fsspec reads."""


Artefact = Union[Kg, Model, Reference]


@dataclass(frozen=True)
class Work:
    """What all tasks of a job have in common. It is pickled, and small."""

    version: str
    """Version of the driver's package."""
    kg: Reference
    """The graph."""
    model: Reference | None = None
    """The model, for work that needs one."""
    sample: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of `Kg.sample`."""
    search: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of `Model.recommend`, `Model.explain` or `judged`."""
    threads: int = 1
    """Threads of a task; no result depends on it."""

    def digest(self) -> str:
        """What tells the parts of this job from those of another: 12 hexadecimal digits."""
        model = None if self.model is None else self.model.hash
        told = dumps([self.version, self.kg.hash, model, dict(self.sample), dict(self.search)])
        return hashlib.sha256(told.encode()).hexdigest()[:12]


def work_of(
    kg: Kg | Reference,
    model: Model | Reference | None = None,
    *,
    sample: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
    threads: int = 1,
) -> Work:
    """The work that this process, the driver, hands out.

    Raises `UsageError` for options that only this machine could read.
    """
    _refuse_files(sample or {})
    reference = None if model is None else refer(model)
    return Work(_version(), refer(kg), reference, dict(sample or {}), dict(search or {}), threads)


def refer(artefact: Artefact) -> Reference:
    """How tasks are told of a graph or model that is open here: by its place, which must be the same on every node, and
    its hash."""
    if isinstance(artefact, Reference):
        return artefact
    kind: Literal["kg", "model"] = "kg" if isinstance(artefact, Kg) else "model"
    return Reference(kind, artefact.hash, os.path.abspath(artefact.path))


def ranges(
    kg: Kg | Reference,
    parts: int,
    *,
    hops: int | None = None,
    pattern: str | None = None,
    pattern_preset: str | None = None,
    walk: str | None = None,
    together: int = 1,
    threads: int = 0,
    **_: object,
) -> list[Part]:
    """At most so many ranges of users, of about the same work: half of what a user counts is that there is one, the
    other half goes by the number of their paths of this shape. Other options of `Kg.sample` are ignored.

    All but the last end at a multiple of `together` users. Lists of recommendations are the same to the last bit where
    that is `USERS_TOGETHER`: some users are searched for together, and sums are taken in another order with others.
    """
    if walk is not None:
        raise UsageError("walk: walks start at nodes of any kind, and parts are of users; give a pattern of users")
    opened = kg if isinstance(kg, Kg) else graph(kg)
    meant = shape(hops, pattern, pattern_preset, None) or ("hops", "3")
    with Watched(threads, False) as call:
        return opened.native.ranges(meant, parts, together, call)


def pieces(pairs: Iterable[Pair], parts: int) -> list[list[Pair]]:
    """Pairs in at most so many pieces of about the same number, in their order.

    >>> pieces([("ann", "a"), ("ann", "b"), ("bob", "a")], 2)
    [[('ann', 'a'), ('ann', 'b')], [('bob', 'a')]]
    """
    every = [(str(user), str(item)) for user, item in pairs]
    if parts < 1 or not every:
        raise UsageError("give at least one part, and one pair of user and item")
    size = -(-len(every) // parts)
    return [every[first : first + size] for first in range(0, len(every), size)]


# Tasks: each is a function of the work and a part of it alone.


def sample(work: Work, part: Part) -> pyarrow.Table:
    """The paths of a part: user, item, nodes, relations."""
    return _paths(work).part(*part).table(progress=False).to_pyarrow()


def export(work: Work, part: Part, folder: PathLike) -> str:
    """Writes the corpus of a part into a folder that driver and workers share; its path. `footpath.concat` makes the
    one-machine corpus of all parts. A part that is there already is not made again, so a job that was ended goes on."""
    out = _part_path(work, part, folder, "")
    return _once(out, lambda unfinished: _drop(_paths(work).publish(unfinished, part, progress=False)))


def recommend(work: Work, part: Part) -> pyarrow.Table:
    """Lists of the users of a part: user, rank, item, label, score, confidence, because, nodes, relations."""
    return _recommended(work, part).to_pyarrow()


def export_lists(work: Work, part: Part, folder: PathLike) -> str:
    """Writes the lists of a part into a shared folder, as `footpath recommend --json` does; the path.
    `footpath.concat_lists` makes the one-machine file of all parts."""
    out = _part_path(work, part, folder, ".jsonl")
    return _once(out, lambda unfinished: _recommended(work, part).save(unfinished))


def explain(work: Work, pairs: Sequence[Pair]) -> pyarrow.Table:
    """Why items suit users: user, item, rank, log_probability, text, nodes, relations; no row where there is no
    path."""
    import pyarrow

    found = model(work)
    names = pyarrow.list_(pyarrow.string())
    fields = {"user": pyarrow.string(), "item": pyarrow.string(), "rank": pyarrow.int64()}
    fields |= {"log_probability": pyarrow.float64(), "text": pyarrow.string(), "nodes": names, "relations": names}
    rows = []
    for user, item in pairs:
        why = found.explain(user, item, threads=work.threads, progress=False, **work.search)
        for rank, path in enumerate(why.paths, 1):
            told = (user, item, rank, path.log_probability, path.text, path.nodes, path.relations)
            rows.append(dict(zip(fields, told)))
    return pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(fields))


def judged(work: Work, part: Part) -> pyarrow.Table:
    """The lists by which an evaluation judges the model, of the users of a part: user, rank, item, score."""
    lists = _judged(graph(work.kg), model(work), part, threads=work.threads, progress=False, **work.search)
    return lists.to_pyarrow()


def trial(work: Work, number: int, settings: Mapping[str, Any], folder: PathLike | None = None) -> dict[str, Any]:
    """Trains with some settings, keywords of `footpath.train`, and says how good the model is on valid: ``trial``,
    ``settings``, ``ndcg``, ``steps``, and where the ``model`` is, if a folder is given to keep it in."""
    _begin(work)
    kg = graph(work.kg)
    if folder is None:
        return _trained(train(kg, threads=work.threads, progress=False, **settings), number, settings, None)
    os.makedirs(folder, exist_ok=True)
    told = hashlib.sha256(dumps([work.digest(), dict(settings)]).encode()).hexdigest()[:12]
    out = os.path.join(folder, f"trial-{number:04d}-{told}")

    def make(unfinished: str) -> None:
        train(kg, unfinished, threads=work.threads, progress=False, **settings)

    _once(out, make)
    return _trained(Model(out, kg, progress=False), number, settings, out)


def training(work: Work, job: str, out: PathLike, space: str, meant: tuple[str, str] | None) -> str:
    """Does a training of a search, with its model at ``out``, a place that driver and workers share; what came of it,
    as JSON. `footpath tune` does the same. A model that is there already is not trained again."""
    _begin(work)
    kg, told = graph(work.kg), ""

    def train_at(place: str) -> str:
        with Watched(work.threads, False) as call:
            return _native.train_job(space, kg.native, meant, job, place, call)

    def make(unfinished: str) -> None:
        nonlocal told
        told = train_at(unfinished)

    made = _once(os.fspath(out), make)
    # One that is there already is only looked at.
    return told or train_at(made)


def _trained(made: Model, number: int, settings: Mapping[str, Any], out: str | None) -> dict[str, Any]:
    card = made.card
    figures = {"ndcg": card["best_validation"], "steps": card["steps"]}
    return {"trial": number, "settings": dict(settings), **figures, "model": out}


# What a process keeps.


def graph(reference: Reference) -> Kg:
    """The graph of a reference, opened once in this process."""
    path = place(reference)
    return _keep(("kg", reference.hash), path, lambda: _checked(Kg(path, progress=False), reference))


def model(work: Work) -> Model:
    """The model of a piece of work, opened once in this process."""
    _begin(work)
    if work.model is None:
        raise UsageError("model: this work needs one")
    reference, kg, path = work.model, graph(work.kg), place(work.model)
    key = ("model", reference.hash, work.kg.hash)
    return _keep(key, path, lambda: _checked(Model(path, kg, progress=False), reference))


def _paths(work: Work) -> Paths:
    """The sampler of a piece of work, prepared once in this process."""
    _begin(work)
    kg = graph(work.kg)
    key = ("paths", work.kg.hash, dumps(dict(work.sample)), work.threads)
    return _keep(key, place(work.kg), lambda: kg.sample(threads=work.threads, progress=False, **work.sample))


def _recommended(work: Work, part: Part) -> Any:
    return model(work).recommend(part=part, threads=work.threads, progress=False, **work.search)


def check_version(work: Work) -> None:
    """Raises `UsageError` where this process has another version of the package than the driver."""
    if work.version != _version():
        raise UsageError(
            f"footpath {_version()} is installed on worker {socket.gethostname()} and footpath {work.version} at the "
            "driver; install the same wheel everywhere"
        )


def _begin(work: Work) -> None:
    """What every task begins with."""
    check_version(work)
    _keep_heap()


@functools.cache
def _keep_heap() -> None:
    """Has this process keep freed memory for the next task, as the program does. Dask tells its workers to give back
    every 64 KiB, and tables that are made for one user after another then cost twice their time."""
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        # Not the C library of GNU.
        return
    for option, value in ((M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, 1 << 30), (M_TOP_PAD, 64 << 20)):
        set_option(option, value)


def _version() -> str:
    import footpath

    return footpath.__version__


_kept: OrderedDict[tuple[object, ...], tuple[object, object]] = OrderedDict()
_lock = threading.RLock()


def _keep(key: tuple[object, ...], path: str, make: Callable[[], Kept]) -> Kept:
    """What was made for a key before, while the files at `path` are what they were, or what `make` makes now."""
    with _lock:
        state = _state(path)
        found = _kept.get(key)
        if found is not None and found[0] == state:
            _kept.move_to_end(key)
            kept: Kept = found[1]  # type: ignore[assignment]
            return kept
        made = make()
        _kept[key] = (state, made)
        _kept.move_to_end(key)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
        return made


def _state(path: str) -> object:
    """What the system says of the files of an artefact. A receipt may come later."""
    try:
        entries = [entry for entry in os.scandir(path) if entry.name != "verified.json"]
        stats = [(entry.name, entry.stat()) for entry in entries]
    except FileNotFoundError:
        return None
    return sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats)


Opened = TypeVar("Opened", Kg, Model)


def _checked(opened: Opened, reference: Reference) -> Opened:
    if opened.hash != reference.hash:
        raise _other(opened.path, reference, opened.hash)
    return opened


def _other(path: str, reference: Reference, got: str) -> ArtefactError:
    what = {"kg": "graph", "model": "model"}[reference.kind]
    return ArtefactError(
        f"{path} on worker {socket.gethostname()}: the {what} there has the hash {got}, and the driver's has "
        f"{reference.hash}; it was changed, or is another: put the driver's there"
    )


# Files.


def place(reference: Reference) -> str:
    """Where the artefact of a reference is on this machine. One with a source is copied from there once, whatever the
    number of processes, verified, and put in place whole."""
    if reference.source is None:
        return reference.path
    path = reference.path or os.path.join(_cache(), f"{reference.kind}-{reference.hash}")
    if os.path.exists(os.path.join(path, "manifest.json")):
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with _locked(f"{path}.lock"):
        if not os.path.exists(path):
            _take(reference, reference.source, path)
    return path


def _take(reference: Reference, source: str, path: str) -> None:
    """Copies an artefact to this machine, and puts it in place if it is the one that is meant."""
    unfinished = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        _fetch(source, unfinished)
        with Watched(0, False) as call:
            kind, got = _native.check(unfinished, call)
        if (kind, got) != (reference.kind, reference.hash):
            raise _other(source, reference, got)
        os.rename(unfinished, path)
    except OSError as error:
        raise RuntimeFailure(f"{source} to {path} on worker {socket.gethostname()}: {error}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def broadcast(artefact: Artefact, source: PathLike | None = None, cache: PathLike | None = None) -> Reference:
    """A reference to what each node takes from `source`, a path or a URL of fsspec, when it first needs it, and keeps
    on its own disk: below `cache`, or else below the environment variable ``FOOTPATH_CACHE`` of its own processes, or
    in its directory for temporary files. Without a source it is copied from where it is here.
    """
    reference = refer(artefact)
    origin = os.fspath(source) if source is not None else reference.source or reference.path
    if "://" not in origin:
        origin = os.path.abspath(origin)
    path = "" if cache is None else os.path.join(os.path.abspath(cache), f"{reference.kind}-{reference.hash}")
    return Reference(reference.kind, reference.hash, path, origin)


def _cache() -> str:
    return os.environ.get("FOOTPATH_CACHE") or os.path.join(tempfile.gettempdir(), f"footpath-{os.getuid()}")


def _fetch(source: str, out: str) -> None:
    """Copies the files of an artefact, which has no folders; a receipt holds on its own machine alone."""
    os.makedirs(out)
    if "://" not in source:
        for entry in os.scandir(source):
            if entry.name != "verified.json":
                shutil.copyfile(entry.path, os.path.join(out, entry.name))
        return
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{source}: URLs are read by fsspec, which is not installed here") from None
    try:
        files, root = fsspec.core.url_to_fs(source)
        for entry in files.ls(root, detail=True):
            # Object stores list a folder as one of its own entries, where somebody made it.
            if entry["type"] == "file" and (name := entry["name"].rsplit("/", 1)[-1]) not in ("", "verified.json"):
                files.get_file(entry["name"], os.path.join(out, name))
    except OSError:
        raise
    except Exception as error:
        # Clients of object stores have errors of their own.
        raise OSError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Waits until nobody else on this machine has the lock; the system lets go of it when a process ends."""
    import fcntl

    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _part_path(work: Work, part: Part, folder: PathLike, ending: str) -> str:
    os.makedirs(folder, exist_ok=True)
    return os.path.join(os.fspath(folder), f"{work.digest()}-{part[0]:010d}-{part[1]:010d}{ending}")


def _once(out: str, make: Callable[[str], None]) -> str:
    """Makes what is not there yet, and puts it in place whole. A task that an engine runs twice at the same time makes
    the same twice, and whichever is done first stays. What `make` does not make is not there."""
    if os.path.exists(out):
        return out
    folder, name = os.path.split(out)
    unfinished = os.path.join(folder, f".{name}.{uuid.uuid4().hex}.tmp")
    try:
        make(unfinished)
        try:
            if os.path.exists(unfinished):
                os.rename(unfinished, out)
        except OSError:
            if not os.path.exists(out):
                raise
    finally:
        if os.path.isdir(unfinished):
            shutil.rmtree(unfinished, ignore_errors=True)
        elif os.path.exists(unfinished):
            os.remove(unfinished)
    return out


def _drop(_: object) -> None:
    """The path is what counts."""


def _refuse_files(options: Mapping[str, Any]) -> None:
    for name in ("patterns", "users", "walk"):
        if options.get(name) is not None:
            reason = {
                "patterns": "a file is on one machine; give pattern or pattern_preset",
                "users": "parts are of all users; leave it out",
                "walk": "walks start at nodes of any kind, and parts are of users; give a pattern of users",
            }
            raise UsageError(f"{name}: {reason[name]}")
