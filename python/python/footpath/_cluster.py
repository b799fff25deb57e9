"""The command lines of `footpath.dask`, `footpath.spark` and `footpath.ray`: verbs with the options of the program."""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ._errors import Error
from ._graphs import Kg
from ._models import Model

Option = tuple[str, type]

SAMPLE: tuple[Option, ...] = (
    ("hops", int),
    ("pattern", str),
    ("pattern-preset", str),
    ("end", str),
    ("paths-per-user", int),
    ("paths-per-end", int),
    ("num-paths", int),
    ("all-paths", int),
    ("law", str),
    ("damping", float),
    ("end-damping", float),
    ("seed", int),
)
SAMPLE_FLAGS = ("distinct", "edge-weights", "walks", "causal")
WEIGHTS: tuple[Option, ...] = (
    ("beams", int),
    ("direct", float),
    ("linear", float),
    ("fading", float),
    ("popularity", float),
    ("path-count", float),
    ("recency", float),
)
SEARCH: tuple[Option, ...] = (("mode", str), ("score", str), ("paths", int), ("seed", int), *WEIGHTS)


def main(engine: str, arguments: Sequence[str] | None = None) -> None:
    """Does what the command line says on an engine: ``dask``, ``spark`` or ``ray``."""
    asked = _parser(engine).parse_args(arguments)
    try:
        with _connected(engine, asked) as connected:
            asked.run(importlib.import_module(f"footpath.{engine}"), connected, asked)
    except Error as error:
        sys.exit(f"footpath.{engine}: {error}")


def _parser(engine: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m footpath.{engine}", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    sample = verbs.add_parser("sample", help="sample a corpus: byte for byte that of `footpath sample`")
    sample.add_argument("kg")
    _add(sample, SAMPLE, SAMPLE_FLAGS)
    sample.add_argument("--relation-weight", action="append", default=[], metavar="NAME=X")
    sample.set_defaults(run=_sample)
    recommend = verbs.add_parser("recommend", help="recommend to all: byte for byte `footpath recommend --all --json`")
    _add(recommend, SEARCH, ("allow-seen",))
    recommend.set_defaults(run=_recommend)
    evaluate = verbs.add_parser("evaluate", help="evaluate a model: the figures of ranking, as JSON")
    _add(evaluate, (("on", str), *WEIGHTS), ())
    evaluate.set_defaults(run=_evaluate)
    for verb in (recommend, evaluate):
        verb.add_argument("model")
        verb.add_argument("--kg", required=True)
        verb.add_argument("-k", type=int, default=10)
    for verb in (sample, recommend):
        verb.add_argument("--out", required=True)
        verb.add_argument("--parts-in", metavar="DIR", help="where parts are, shared by all; they stay [OUT.parts]")
    for verb in (sample, recommend, evaluate):
        verb.add_argument("--parts", type=int, metavar="N", help="parts of the users [four for each core]")
        verb.add_argument("--source", metavar="URL", help="where each node takes the graph from")
        _add_engine(engine, verb)
    return parser


def _add(verb: argparse.ArgumentParser, options: Sequence[Option], flags: Sequence[str]) -> None:
    for name, kind in options:
        verb.add_argument(f"--{name}", type=kind)
    for name in flags:
        verb.add_argument(f"--{name}", action="store_true")


def _add_engine(engine: str, verb: argparse.ArgumentParser) -> None:
    if engine == "dask":
        verb.add_argument("--scheduler", metavar="ADDRESS", help="a cluster that runs; else one on this machine")
        verb.add_argument("--workers", type=int, metavar="N", help="processes of a cluster on this machine")
    if engine == "ray":
        verb.add_argument("--address", help="a cluster that runs, or auto; else one on this machine")


@contextmanager
def _connected(engine: str, asked: argparse.Namespace) -> Iterator[Any]:
    """What the engine is asked by."""
    if engine == "dask":
        distributed = importlib.import_module("distributed")
        if asked.scheduler:
            with distributed.Client(asked.scheduler) as client:
                yield client
            return
        local = distributed.LocalCluster(n_workers=asked.workers, threads_per_worker=1, dashboard_address=None)
        with local as cluster, distributed.Client(cluster) as client:
            yield client
    elif engine == "spark":
        from pyspark.sql import SparkSession

        session = SparkSession.builder.appName("footpath").getOrCreate()
        try:
            yield session
        finally:
            session.stop()
    else:
        # Not `import ray`: a checker of types takes that for our own module of the name.
        ray: Any = importlib.import_module("ray")
        ray.init(address=asked.address or "local", ignore_reinit_error=True)
        try:
            yield ray
        finally:
            ray.shutdown()


def _given(asked: argparse.Namespace, options: Sequence[Option], flags: Sequence[str]) -> dict[str, Any]:
    """The options that were given, as keywords."""
    names = [name.replace("-", "_") for name, _ in options]
    found = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    named = [flag.replace("-", "_") for flag in flags]
    return found | {flag: True for flag in named if getattr(asked, flag)}


def _sample(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    options = _given(asked, SAMPLE, SAMPLE_FLAGS)
    if options.pop("walks", False):
        options["simple"] = False
    weights = dict(weight.rsplit("=", 1) for weight in asked.relation_weight)
    if weights:
        options["relation_weights"] = {name: float(weight) for name, weight in weights.items()}
    kg = _graph(verbs, engine, asked)
    with _folder(asked) as folder:
        print(json.dumps(verbs.export(engine, kg, asked.out, folder=folder, parts=asked.parts, **options)))


def _recommend(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    options = _given(asked, SEARCH, ("allow-seen",))
    model, kg = Model(asked.model, asked.kg), _graph(verbs, engine, asked)
    with _folder(asked) as folder:
        made = verbs.export_lists(
            engine, model, kg, asked.out, folder=folder, parts=asked.parts, k=asked.k, **options
        )
    print(json.dumps(made))


def _evaluate(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    options = _given(asked, (("on", str), *WEIGHTS), ())
    model, kg = Model(asked.model, asked.kg), _graph(verbs, engine, asked)
    print(json.dumps(verbs.evaluate(engine, model, kg, asked.k, parts=asked.parts, **options)))


def _graph(verbs: Any, engine: Any, asked: argparse.Namespace) -> Any:
    kg = Kg(asked.kg)
    return kg if asked.source is None else verbs.broadcast(engine, kg, asked.source)


@contextmanager
def _folder(asked: argparse.Namespace) -> Iterator[str]:
    """Where parts lie; a folder that nobody asked for goes when the whole is there, and stays to go on from if not."""
    if asked.parts_in is not None:
        yield asked.parts_in
        return
    folder = f"{asked.out.rstrip('/')}.parts"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
