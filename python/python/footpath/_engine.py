"""What `footpath.dask`, `footpath.spark` and `footpath.ray` have in common: all but how an engine is asked."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _native, partition
from ._graphs import Kg
from ._judging import Evaluation
from ._judging import evaluate as _evaluate
from ._models import Model, Tuning, space_text, tuned
from ._parts import concat, concat_lists, dumps
from ._progress import Watched
from ._reports import Report
from ._shapes import PathLike, Unfinished, shape
from .partition import Pair, Part, Reference, Work

if TYPE_CHECKING:
    import pyarrow

TASKS_PER_CORE = 4
"""Parts for each core of an engine unless a number is given: so that nobody waits long for the last one."""

Task = Callable[[Work, Any], "pyarrow.Table"]
"""A function of `footpath.partition`, or one of the classes below."""

PATHS = "user string, item string, nodes array<string>, relations array<string>"
LISTS = (
    "user string, rank bigint, item string, label string, score double, confidence double, because string, "
    "nodes array<string>, relations array<string>"
)
WHY = (
    "user string, item string, rank bigint, log_probability double, text string, nodes array<string>, "
    "relations array<string>"
)
JUDGED = "user string, rank bigint, item string, score double"
MADE = "made string"


class Verbs(ABC):
    """The verbs on an engine. Their first argument is whatever the engine is asked by: a client of Dask, a session of
    Spark, the module of Ray. Graphs and models are open ones, or what `broadcast` gives."""

    @abstractmethod
    def num_cores(self, engine: Any) -> int:
        """How many tasks the engine does at a time."""

    @abstractmethod
    def frame(self, engine: Any, task: Task, work: Work, parts: Sequence[Any], columns: str) -> Any:
        """What the engine has for a table that is not there yet, made of that of each part, in their order."""

    @abstractmethod
    def compute(self, engine: Any, frame: Any) -> pyarrow.Table:
        """The table, here and now, in the order of the parts."""

    def told(self, engine: Any, task: Task, work: Work, parts: Sequence[Any]) -> list[str]:
        """What tasks tell that give a word each, in the order of the parts. Engines do that with less ado than for
        tables."""
        made: list[str] = self.compute(engine, self.frame(engine, task, work, parts, MADE))["made"].to_pylist()
        return made

    def spread(self, engine: Any, reference: Reference) -> None:
        """Has every node that there is take an artefact. One that does not is left to its first task."""

    def sample(self, engine: Any, kg: Kg | Reference, *, parts: int | None = None, **options: Any) -> Any:
        """The paths that `Kg.sample` draws with these options: user, item, nodes, relations.

        >>> import footpath as fp
        >>> paths = fp.dask.sample(client, fp.Kg(films), hops=3, paths_per_user=2)
        >>> fp.dask.compute(client, paths).num_rows
        960
        """
        work = partition.work_of(kg, sample=options)
        return self.frame(engine, partition.sample, work, self._ranges(engine, kg, parts, options), PATHS)

    def export(
        self,
        engine: Any,
        kg: Kg | Reference,
        out: PathLike,
        *,
        folder: PathLike,
        parts: int | None = None,
        force: bool = False,
        **options: Any,
    ) -> Report:
        """Samples a corpus in parts, which workers write into `folder`, a place that they share with this process, and
        publishes it at `out`: byte for byte what ``footpath sample`` writes. The parts stay there, so that it goes on
        where it was ended.

        >>> import footpath as fp, tempfile
        >>> place, kg = tempfile.mkdtemp(), fp.Kg(films)
        >>> made = fp.dask.export(client, kg, f"{place}/corpus", folder=f"{place}/parts", hops=3, paths_per_user=2)
        >>> made["hash"] == kg.sample(hops=3, paths_per_user=2).publish(f"{place}/alone")
        True
        """
        work = partition.work_of(kg, sample=options)
        ranges = self._ranges(engine, kg, parts, options)
        return concat(self.told(engine, Written(partition.export, folder), work, ranges), out, force=force)

    def recommend(
        self, engine: Any, model: Model | Reference, kg: Kg | Reference, *, parts: int | None = None, **search: Any
    ) -> Any:
        """Recommends to all users of the graph: the columns are those of `Model.recommend`, whose options these are.

        >>> import footpath as fp
        >>> model = fp.Model(tiny, films)
        >>> lists = fp.dask.recommend(client, model, model.kg, k=2, beams=20)
        >>> fp.dask.compute(client, lists).num_rows
        960
        """
        work = partition.work_of(kg, model, search=search)
        return self.frame(engine, partition.recommend, work, self._groups(engine, kg, parts), LISTS)

    def export_lists(
        self,
        engine: Any,
        model: Model | Reference,
        kg: Kg | Reference,
        out: PathLike,
        *,
        folder: PathLike,
        parts: int | None = None,
        force: bool = False,
        **search: Any,
    ) -> Report:
        """Recommends to all users in parts, as `export` samples, and writes the lists at `out`: byte for byte what
        ``footpath recommend --all --json`` writes.

        >>> import footpath as fp, tempfile
        >>> model, place = fp.Model(tiny, films), tempfile.mkdtemp()
        >>> options = {"folder": f"{place}/parts", "k": 2, "beams": 20}
        >>> fp.dask.export_lists(client, model, model.kg, f"{place}/recs.jsonl", **options)["num_users"]
        480
        """
        work = partition.work_of(kg, model, search=search)
        task = Written(partition.export_lists, folder)
        made = self.told(engine, task, work, self._groups(engine, kg, parts))
        return concat_lists(made, _opened(kg), out, force=force)

    def explain(
        self,
        engine: Any,
        model: Model | Reference,
        kg: Kg | Reference,
        pairs: Iterable[Pair],
        *,
        parts: int | None = None,
        **search: Any,
    ) -> Any:
        """Says why items suit users, for pairs of them: user, item, rank, log_probability, text, nodes, relations.

        >>> import footpath as fp
        >>> model = fp.Model(tiny, films)
        >>> why = fp.dask.explain(client, model, model.kg, [("user-001", "alien-1979")], paths=1)
        >>> text = model.explain("user-001", "alien-1979", paths=1).paths[0].text
        >>> fp.dask.compute(client, why)["text"].to_pylist() == [text]
        True
        """
        work = partition.work_of(kg, model, search=search)
        return self.frame(engine, partition.explain, work, partition.pieces(pairs, self._parts(engine, parts)), WHY)

    def evaluate(
        self,
        engine: Any,
        model: Model | Reference,
        kg: Kg | Reference,
        k: int = 10,
        *,
        on: Literal["test", "valid"] = "test",
        parts: int | None = None,
        baselines: Any = None,
        out: PathLike | None = None,
        force: bool = False,
        seed: int = 1,
        **search: Any,
    ) -> Evaluation:
        """Evaluates a model: workers recommend, this process judges their lists. The figures of ranking, with their
        intervals, are those of `footpath.evaluate` of the model; figures of explanations need the model in one
        process.

        >>> import footpath as fp
        >>> model = fp.Model(tiny, films)
        >>> report = fp.dask.evaluate(client, model, model.kg, k=10, beams=20)
        >>> report["on"], 0.0 < report["ndcg@10"] < 1.0
        ('test', True)
        """
        work = partition.work_of(kg, model, search={"k": k, "on": on, **search})
        lists = self.frame(engine, partition.judged, work, self._groups(engine, kg, parts), JUDGED)
        judged: dict[str, Any] = {"baselines": baselines, "out": out, "force": force, "seed": seed}
        return _evaluate(_opened(kg), self.compute(engine, lists), k, on=on, **judged)

    def tune(
        self,
        engine: Any,
        space: Mapping[str, Any] | PathLike,
        kg: Kg | Reference,
        out: PathLike,
        *,
        hops: int | None = None,
        pattern: str | None = None,
        pattern_preset: str | None = None,
        unfinished: Unfinished = "refuse",
    ) -> Tuning:
        """Searches a space as `footpath.tune` does, a task for each training: those of a rung at the same time, and by
        the method ``tpe`` the first ten, after which each depends on those before it. ``out`` is a place that workers
        share with this process; what comes there is what ``footpath tune`` makes, with the same figures.

        >>> import footpath as fp, tempfile
        >>> space = {"method": "random", "trials": 1, "train": {"preset": "tiny", "paths_per_user": 2}}
        >>> space["space"] = {"learning_rate": {"log": [1e-3, 1e-2]}}
        >>> found = fp.dask.tune(client, space, fp.Kg(films), tempfile.mkdtemp() + "/search")
        >>> found.model.card["best_validation"] == found["best"]["figure"]
        True
        """
        text, meant, place = space_text(space), shape(hops, pattern, pattern_preset, None), os.path.abspath(out)
        work, opened = partition.work_of(kg), _opened(kg)
        with Watched(0, False) as call:
            search = _native.Search.open(text, opened.native, place, meant, unfinished, call)
        try:
            while jobs := [(job, os.fspath(model)) for job, model in search.ready()]:
                for record in self.told(engine, Searched(text, meant), work, jobs):
                    search.enter(record)
            return tuned(search.found(), opened, place)
        finally:
            search.close()

    def trials(
        self, engine: Any, kg: Kg | Reference, settings: Sequence[Mapping[str, Any]], *, folder: PathLike | None = None
    ) -> list[dict[str, Any]]:
        """Trains with each of these settings, keywords of `footpath.train`, a task for each, and says how good each
        model is on valid, the best first. Models are kept in `folder`, which all share, if one is given. Several seeds
        are several trials.

        >>> import footpath as fp
        >>> settings = [{"preset": "tiny", "paths_per_user": 2, "linear": False, "seed": seed} for seed in (1, 2)]
        >>> told = fp.dask.trials(client, fp.Kg(films), settings)
        >>> sorted(trial["settings"]["seed"] for trial in told), told[0]["ndcg"] >= told[1]["ndcg"]
        ([1, 2], True)
        """
        numbered = [(number, dict(chosen)) for number, chosen in enumerate(settings)]
        told = [json.loads(text) for text in self.told(engine, Tried(folder), partition.work_of(kg), numbered)]
        return sorted(told, key=lambda trial: (-(trial["ndcg"] or 0.0), trial["trial"]))

    def broadcast(
        self,
        engine: Any,
        artefact: Kg | Model | Reference,
        source: PathLike | None = None,
        cache: PathLike | None = None,
    ) -> Reference:
        """Has each node keep a graph or model on its own disk, taken from `source`, a path or a URL that fsspec reads,
        once for all its processes, and verified there. What it gives is what the other functions take in its place.

        >>> import footpath as fp, os, tempfile
        >>> place, kg = tempfile.mkdtemp(), fp.Kg(films)
        >>> graph = fp.dask.broadcast(client, kg, cache=place)
        >>> graph.hash == kg.hash, os.path.isdir(f"{place}/kg-{kg.hash}")
        (True, True)
        """
        reference = partition.broadcast(artefact, source, cache)
        self.spread(engine, reference)
        return reference

    def _ranges(self, engine: Any, kg: Kg | Reference, parts: int | None, options: Mapping[str, Any]) -> list[Part]:
        return partition.ranges(kg, self._parts(engine, parts), **options)

    def _groups(self, engine: Any, kg: Kg | Reference, parts: int | None) -> list[Part]:
        return partition.ranges(kg, self._parts(engine, parts), together=partition.USERS_TOGETHER)

    def _parts(self, engine: Any, parts: int | None) -> int:
        return parts if parts is not None else TASKS_PER_CORE * max(self.num_cores(engine), 1)


class Written:
    """A task that writes into a folder, as one that gives a table of the path."""

    def __init__(self, task: Callable[[Work, Any, PathLike], str], folder: PathLike) -> None:
        self.task, self.folder = task, os.path.abspath(folder)

    def __call__(self, work: Work, part: Any) -> pyarrow.Table:
        return _told(self.task(work, part, self.folder))


class Tried:
    """A trial, as a task that gives a table of what came of it."""

    def __init__(self, folder: PathLike | None) -> None:
        self.folder = None if folder is None else os.path.abspath(folder)

    def __call__(self, work: Work, numbered: tuple[int, Mapping[str, Any]]) -> pyarrow.Table:
        return _told(dumps(partition.trial(work, *numbered, self.folder)))


class Searched:
    """A training of a search, as a task that gives a table of what came of it."""

    def __init__(self, space: str, meant: tuple[str, str] | None) -> None:
        self.space, self.meant = space, meant

    def __call__(self, work: Work, job: tuple[str, str]) -> pyarrow.Table:
        return _told(partition.training(work, *job, self.space, self.meant))


class Mapped:
    """Tasks by the numbers of their parts, for engines that map tables to tables."""

    def __init__(self, task: Task, work: Work, parts: Sequence[Any]) -> None:
        self.task, self.work, self.parts = task, work, list(parts)

    def table(self, numbers: list[int]) -> pyarrow.Table:
        """The table of the parts with these numbers."""
        import pyarrow

        return pyarrow.concat_tables([self.task(self.work, self.parts[number]) for number in numbers])


def _told(text: str) -> pyarrow.Table:
    import pyarrow

    return pyarrow.table({"made": pyarrow.array([text], pyarrow.string())})


def _opened(kg: Kg | Reference) -> Kg:
    return kg if isinstance(kg, Kg) else partition.graph(kg)
