"""The examples in the documentation do what they say."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_others import atomic_files

import footpath as fp

NEEDS = {"torch": "torch", "lenskit": "lenskit"}
NEEDED_BY = {
    "footpath.export.to_pyg": "torch_geometric",
    "footpath.export.to_pykeen": "pykeen",
    "footpath.export.from_pykeen": "pykeen",
    "footpath._spark_tables.import_tables": "pyspark",
}
"""Examples of one library."""


def modules() -> list[str]:
    names = [module.name for module in pkgutil.iter_modules(fp.__path__) if module.name not in ("__main__", "_native")]
    return ["footpath", *(f"footpath.{name}" for name in sorted(names))]


@pytest.mark.parametrize("name", modules())
@pytest.mark.usefixtures("in_repository")
def test_examples_of(name: str, films: fp.Kg, tiny: fp.Model, tmp_path: Path) -> None:
    needed = NEEDS.get(name.rpartition(".")[2])
    if needed:
        pytest.importorskip(needed)
    module = importlib.import_module(name)
    names: dict[str, Any] = {"films": films.path, "tiny": tiny.path}
    if name == "footpath.datasets":
        names["recbole"] = str(atomic_files(tmp_path / "toy"))
    if name == "footpath.lenskit":
        names["clicks"] = importlib.import_module("test_lenskit").data()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    with engine(name) as more:
        for test in doctest.DocTestFinder().find(module, extraglobs={**names, **more}):
            if is_installed(NEEDED_BY.get(test.name)):
                runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def is_installed(library: str | None) -> bool:
    return library is None or importlib.util.find_spec(library) is not None


@contextmanager
def engine(name: str) -> Iterator[dict[str, Any]]:
    """What the examples of engines ask: Dask, in this process; Spark, where it is installed."""
    if name == "footpath._spark_tables" and is_installed("pyspark"):
        sql = importlib.import_module("pyspark.sql")
        session = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
        yield {"spark": session}
        session.stop()
        return
    if name != "footpath._engine":
        yield {}
        return
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield {"client": client}


PUBLIC = ("footpath", *(f"footpath.{name}" for name in ("datasets", "estimator", "export", "lenskit", "torch")))
"""What people import. The functions of the engines are methods of one class, which are looked at there."""


def public(module: Any) -> Iterator[tuple[str, Any]]:
    """The public functions, classes and methods of a module, by name."""
    for name in module.__all__:
        found = getattr(module, name)
        if not callable(found):
            continue
        yield f"{module.__name__}.{name}", found
        if inspect.isclass(found):
            yield from ((f"{module.__name__}.{name}.{own}", method) for own, method in methods(found))


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """What a class has of its own, as a property or to be called."""
    for name, found in vars(kind).items():
        if not name.startswith("_") and (isinstance(found, (property, classmethod, staticmethod)) or callable(found)):
            yield name, found


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name: str) -> None:
    needed = NEEDS.get(name.rpartition(".")[2])
    if needed:
        pytest.importorskip(needed)
    found = dict(public(importlib.import_module(name)))
    assert found and [who for who, what in found.items() if ">>>" not in (inspect.getdoc(what) or "")] == []


def test_every_verb_of_an_engine_has_an_example() -> None:
    verbs = dict(methods(importlib.import_module("footpath._engine").Verbs))
    # How an engine is asked is no verb.
    named = set(importlib.import_module("footpath.dask").__all__) - {"QUIET", "compute"}
    assert named <= verbs.keys() and [name for name in named if ">>>" not in (verbs[name].__doc__ or "")] == []


def blocks() -> list[str]:
    """The examples of the book's page that are run."""
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    found = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    return [block for block in found if not block.startswith("# not run by the tests:")]


@pytest.mark.parametrize("place", range(len(blocks())))
@pytest.mark.usefixtures("in_repository")
def test_the_page_of_the_book(place: int) -> None:
    exec(compile(blocks()[place], f"docs/python.md, example {place}", "exec"), {})


def test_the_page_has_examples() -> None:
    assert len(blocks()) >= 2
