"""Footpath on Dask: the work of `footpath.partition`, a task for each part of the users.

The first argument of every function is a ``distributed.Client``. What comes back lazily is a bag with a table of
pyarrow for each part, in the order of the users; `compute` makes one table of it. Workers need the package and pyarrow,
and the graph and model at the same path, or what `broadcast` gives.

``python -m footpath.dask sample kg --out corpus --hops 3`` does it from the command line.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import partition
from ._engine import Task, Verbs
from ._errors import UsageError
from .partition import Reference, Work

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "QUIET",
    "broadcast",
    "compute",
    "evaluate",
    "explain",
    "export",
    "export_lists",
    "recommend",
    "sample",
    "trials",
    "tune",
]

QUIET: dict[str, Any] = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.scheduler.work-stealing-interval": "1s",
}
"""Settings of Dask with which processes that have nothing to do use a fifth as much of the processor, for
``dask.config.set`` before a cluster is started: tasks here take seconds, and need not be looked at fifty times in
one."""


class _Dask(Verbs):
    def num_cores(self, engine: Any) -> int:
        return sum(engine.nthreads().values())

    def frame(self, engine: Any, task: Task, work: Work, parts: Sequence[Any], columns: str) -> Any:
        try:
            dask, bag = importlib.import_module("dask"), importlib.import_module("dask.bag")
        except ImportError as error:
            raise UsageError(f"footpath.dask needs Dask: pip install 'dask[distributed]' pyarrow ({error})") from None
        return bag.from_delayed([dask.delayed(_bag_of_one)(task, work, part) for part in parts])

    def compute(self, engine: Any, frame: Any) -> pyarrow.Table:
        import pyarrow

        return pyarrow.concat_tables(engine.gather(engine.compute(frame)))

    def spread(self, engine: Any, reference: Reference) -> None:
        engine.run(partition.place, reference)


def _bag_of_one(task: Task, work: Work, part: Any) -> list[pyarrow.Table]:
    """A partition of a bag: a list of one table."""
    return [task(work, part)]


_verbs = _Dask()
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

    main("dask")
