"""Footpath on Ray: the work of `footpath.partition`, a block for each part of the users, by ``map_batches``.

The first argument of every function is the module ``ray``, after ``ray.init()``. What comes back lazily is a
``ray.data.Dataset``, in the order of the users; `compute` makes a table of pyarrow of it. Nodes need the package and
pyarrow, and the graph and model at the same path, or what `broadcast` gives.

``python -m footpath.ray sample kg --out corpus --hops 3`` does it from the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import partition
from ._engine import Mapped, Task, Verbs
from ._errors import UsageError
from .partition import Reference, Work

if TYPE_CHECKING:
    import pyarrow

__all__ = [
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


class _Ray(Verbs):
    def num_cores(self, engine: Any) -> int:
        return int(engine.cluster_resources().get("CPU", 1))

    def frame(self, engine: Any, task: Task, work: Work, parts: Sequence[Any], columns: str) -> Any:
        try:
            import ray.data
        except ImportError as error:
            raise UsageError(f"footpath.ray needs Ray Data: pip install 'ray[data]' ({error})") from None
        ray.data.DataContext.get_current().execution_options.preserve_order = True
        numbers = ray.data.range(len(parts), override_num_blocks=len(parts))
        mapped = _OfBatch(task, work, parts)
        # A function, since a class would be one for actors.
        return numbers.map_batches(lambda batch: mapped(batch), batch_size=1, batch_format="pyarrow", num_cpus=1)

    def compute(self, engine: Any, frame: Any) -> pyarrow.Table:
        import pyarrow

        tables = engine.get(frame.to_arrow_refs())
        filled = [table for table in tables if table.num_rows]
        return pyarrow.concat_tables(filled or tables[:1])

    def told(self, engine: Any, task: Task, work: Work, parts: Sequence[Any]) -> list[str]:
        # Plain tasks: a data set has a table, its size and its schema for each.
        tell = engine.remote(num_cpus=1)(_tell)
        shared = engine.put((task, work))
        words: list[str] = engine.get([tell.remote(shared, part) for part in parts])
        return words

    def spread(self, engine: Any, reference: Reference) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        put = engine.remote(num_cpus=0)(partition.place)
        nodes = [node["NodeID"] for node in engine.nodes() if node["Alive"]]
        on = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
        engine.get([put.options(scheduling_strategy=strategy).remote(reference) for strategy in on])


def _tell(shared: tuple[Task, Work], part: Any) -> str:
    task, work = shared
    word: str = task(work, part)["made"][0].as_py()
    return word


class _OfBatch(Mapped):
    """What a block of numbers is mapped by."""

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        return self.table(batch.column(0).to_pylist())


_verbs = _Ray()
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

    main("ray")
