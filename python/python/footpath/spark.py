"""Footpath on Spark (PySpark 4 or later): the work of `footpath.partition`, a partition for each part of the users, by
``mapInArrow``.

The first argument of every function is a ``SparkSession``. What comes back lazily is a data frame, in the order of the
users; `compute` makes a table of pyarrow of it. Executors need the package and pyarrow, and the graph and model at the
same path, or what `broadcast` gives.

``python -m footpath.spark sample kg --out corpus --hops 3`` does it from the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ._engine import Mapped, Task, Verbs
from ._errors import UsageError
from ._spark_tables import import_tables
from .partition import Work

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "broadcast",
    "compute",
    "evaluate",
    "explain",
    "export",
    "export_lists",
    "import_tables",
    "recommend",
    "sample",
    "trials",
    "tune",
]


class _Spark(Verbs):
    def num_cores(self, engine: Any) -> int:
        try:
            return int(engine.sparkContext.defaultParallelism)
        except Exception:
            # A session of Spark Connect has no context here.
            raise UsageError("parts: this session does not say how many cores there are; give parts") from None

    def frame(self, engine: Any, task: Task, work: Work, parts: Sequence[Any], columns: str) -> Any:
        # A partition of one number for each part.
        numbers = engine.range(0, len(parts), 1, len(parts))
        return numbers.mapInArrow(_InArrow(task, work, parts), columns)

    def told(self, engine: Any, task: Task, work: Work, parts: Sequence[Any]) -> list[str]:
        try:
            context = engine.sparkContext
        except Exception:
            # A session of Spark Connect has tables only.
            return super().told(engine, task, work, parts)
        # Plain tasks: a data frame is planned, and has a stream of Arrow each way for each.
        words: list[str] = context.parallelize(list(parts), len(parts)).map(_Told(task, work)).collect()
        return words

    def compute(self, engine: Any, frame: Any) -> pyarrow.Table:
        table: pyarrow.Table = frame.toArrow()
        return table


class _Told:
    """What a part is mapped by to what its task tells."""

    def __init__(self, task: Task, work: Work) -> None:
        self.task, self.work = task, work

    def __call__(self, part: Any) -> str:
        word: str = self.task(self.work, part)["made"][0].as_py()
        return word


class _InArrow(Mapped):
    """What a partition of numbers is mapped by."""

    def __call__(self, batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from self.table([number]).to_batches()


_verbs = _Spark()
sample = _verbs.sample
export = _verbs.export
recommend = _verbs.recommend
export_lists = _verbs.export_lists
explain = _verbs.explain
evaluate = _verbs.evaluate
tune = _verbs.tune
trials = _verbs.trials
broadcast = _verbs.broadcast
compute = _verbs.compute

if __name__ == "__main__":
    from footpath._cluster import main

    main("spark")
