"""The command lines of `footpath.dask`, `footpath.spark` and `footpath.ray`: verbs with the options of the program."""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ._errors import Error, InputError, UsageError
from ._graphs import Kg
from ._models import Model

Option = tuple[str, type]

PATTERN: tuple[Option, ...] = (("hops", int), ("pattern", str), ("pattern-preset", str))
SAMPLE: tuple[Option, ...] = (
    *PATTERN,
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
SEARCH: tuple[Option, ...] = (
    ("mode", str),
    ("score", str),
    ("paths", int),
    ("groups", int),
    ("diversity", float),
    ("draws", int),
    ("temperature", float),
    ("top-k", int),
    ("top-p", float),
    ("seed", int),
    *WEIGHTS,
)
EXPLAIN: tuple[Option, ...] = (("paths", int), *WEIGHTS)
EVALUATE: tuple[Option, ...] = (("on", str), ("seed", int), *WEIGHTS)


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
    # The module's word for it is export: its `sample` writes nothing.
    told = "sample a corpus: byte for byte that of `footpath sample`"
    sample = verbs.add_parser("sample", aliases=["export"], help=told)
    recommend = verbs.add_parser("recommend", help="recommend to all: byte for byte `footpath recommend --all --json`")
    explain = verbs.add_parser("explain", help="say why items suit users, a line of JSON for each path")
    evaluate = verbs.add_parser("evaluate", help="evaluate a model: the figures of ranking, as JSON")
    tune = verbs.add_parser("tune", help="search for settings: what `footpath tune` makes, a task for each training")
    _sample_arguments(sample)
    _recommend_arguments(recommend)
    _explain_arguments(explain)
    _evaluate_arguments(evaluate)
    _tune_arguments(tune)
    for verb in (recommend, explain):
        verb.add_argument("model")
    for verb in (recommend, explain, evaluate, tune):
        verb.add_argument("--kg", required=True)
    for verb in (recommend, evaluate):
        verb.add_argument("-k", type=int, default=10)
        verb.add_argument("--optimise", metavar="AIM=WEIGHT,…")
    for verb in (sample, recommend):
        verb.add_argument("--out", required=True)
        verb.add_argument("--parts-in", metavar="DIR", help="where parts are, shared by all; they stay [OUT.parts]")
    for verb in (sample, recommend, evaluate):
        verb.add_argument("--force", action="store_true", help="replace what is at --out")
    for verb in (sample, recommend, explain, evaluate):
        verb.add_argument("--parts", type=int, metavar="N", help="parts of the users [four for each core]")
    for verb in (sample, recommend, explain, evaluate, tune):
        verb.add_argument("--source", metavar="URL", help="where each node takes the graph from")
        _add_engine(engine, verb)
    return parser


def _sample_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("kg")
    _add(verb, SAMPLE, SAMPLE_FLAGS)
    verb.add_argument("--relation-weight", action="append", default=[], metavar="NAME=X")
    verb.set_defaults(run=_sample)


def _recommend_arguments(verb: argparse.ArgumentParser) -> None:
    _add(verb, SEARCH, ("allow-seen",))
    for name in ("exclude", "only"):
        verb.add_argument(f"--{name}", metavar="I,I,…|FILE", help="ids parted by commas, or a file of them")
    verb.set_defaults(run=_recommend)


def _explain_arguments(verb: argparse.ArgumentParser) -> None:
    _add(verb, EXPLAIN, ("fill-in",))
    verb.add_argument("--user", metavar="U")
    verb.add_argument("--item", metavar="I")
    verb.add_argument("--recs", metavar="FILE", help="lists: a table with user and item, or what recommend wrote")
    verb.set_defaults(run=_explain)


def _evaluate_arguments(verb: argparse.ArgumentParser) -> None:
    _add(verb, EVALUATE, ())
    verb.add_argument("--model", required=True)
    verb.add_argument("--baselines", nargs="?", const="quick", metavar="quick|tuned|NAMES")
    verb.add_argument("--out", metavar="DIR")
    verb.set_defaults(run=_evaluate)


def _tune_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("space", help="a TOML file of `footpath tune`")
    _add(verb, PATTERN, ())
    verb.add_argument("--out", required=True, metavar="DIR", help="a place that all share")
    unfinished = verb.add_mutually_exclusive_group()
    unfinished.add_argument("--resume", action="store_true", help="go on with an unfinished search")
    unfinished.add_argument("--restart", action="store_true", help="discard a search at the same place")
    verb.set_defaults(run=_tune)


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
        quiet = importlib.import_module("dask").config.set(importlib.import_module("footpath.dask").QUIET)
        options = {"n_workers": asked.workers, "threads_per_worker": 1, "dashboard_address": None}
        with quiet, distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
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


def _given(asked: argparse.Namespace, options: Sequence[Option], flags: Sequence[str] = ()) -> dict[str, Any]:
    """The options that were given, as keywords."""
    names = [name.replace("-", "_") for name, _ in options]
    found = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    named = [flag.replace("-", "_") for flag in flags]
    return found | {flag: True for flag in named if getattr(asked, flag)}


def _sample(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    options = _given(asked, SAMPLE, SAMPLE_FLAGS)
    if options.pop("walks", False):
        options["simple"] = False
    weights = _weights("relation-weight", asked.relation_weight)
    if weights:
        options["relation_weights"] = weights
    kg, made = _graph(verbs, engine, asked), {"parts": asked.parts, "force": asked.force}
    with _folder(asked) as folder:
        print(json.dumps(verbs.export(engine, kg, asked.out, folder=folder, **made, **options)))


def _recommend(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    options = _given(asked, SEARCH, ("allow-seen",)) | _optimised(asked)
    for name in ("exclude", "only"):
        if getattr(asked, name) is not None:
            options[name] = _items(getattr(asked, name))
    model, kg = Model(asked.model, asked.kg), _graph(verbs, engine, asked)
    made = {"parts": asked.parts, "force": asked.force, "k": asked.k}
    with _folder(asked) as folder:
        print(json.dumps(verbs.export_lists(engine, model, kg, asked.out, folder=folder, **made, **options)))


def _explain(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    options = _given(asked, EXPLAIN, ("fill-in",))
    if (asked.recs is None) == (asked.user is None or asked.item is None):
        raise UsageError("give --user and --item, or --recs")
    pairs = [(asked.user, asked.item)] if asked.recs is None else _pairs(asked.recs)
    model, kg = Model(asked.model, asked.kg), _graph(verbs, engine, asked)
    found = verbs.explain(engine, model, kg, pairs, parts=asked.parts, **options)
    for row in verbs.compute(engine, found).to_pylist():
        print(json.dumps(row, ensure_ascii=False))


def _evaluate(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    options = _given(asked, EVALUATE) | _optimised(asked)
    named = asked.baselines
    baselines = named if named in (None, "quick", "tuned") else named.split(",")
    model, kg = Model(asked.model, asked.kg), _graph(verbs, engine, asked)
    judged = {"parts": asked.parts, "baselines": baselines, "out": asked.out, "force": asked.force}
    print(json.dumps(verbs.evaluate(engine, model, kg, asked.k, **judged, **options)))


def _tune(verbs: Any, engine: Any, asked: argparse.Namespace) -> None:
    unfinished = "resume" if asked.resume else "discard" if asked.restart else "refuse"
    kg = _graph(verbs, engine, asked)
    found = verbs.tune(engine, asked.space, kg, asked.out, unfinished=unfinished, **_given(asked, PATTERN))
    print(json.dumps(found))


def _weights(option: str, named: Sequence[str]) -> dict[str, float]:
    """Numbers by name, of words such as ``lir=0.2``."""
    found: dict[str, float] = {}
    for word in named:
        name, _, number = word.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise UsageError(f"--{option}: {word!r} is not NAME=NUMBER") from None
    return found


def _optimised(asked: argparse.Namespace) -> dict[str, Mapping[str, float]]:
    return {} if asked.optimise is None else {"optimise": _weights("optimise", asked.optimise.split(","))}


def _items(text: str) -> list[str]:
    """Ids parted by commas, or those of a file, one on each line."""
    if not os.path.isfile(text):
        return text.split(",")
    with open(text, encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip()]


def _pairs(path: str) -> list[tuple[str, str]]:
    """Users with the items of their lists: of a table with tabs, or of lines of JSON as `recommend` writes them."""
    with open(path, encoding="utf-8", newline="") as file:
        if file.read(1) == "{":
            file.seek(0)
            told = [json.loads(line) for line in file if line.strip()]
            return [(one["user"], found["item"]) for one in told for found in one["items"]]
        file.seek(0)
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if not {"user", "item"} <= set(table.fieldnames or ()):
            raise InputError(f"{path}: no columns user and item in its first line")
        return [(row["user"], row["item"]) for row in table]


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
