"""What every engine must be able to: the same results as one process. Each engine's own tests run these."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from conftest import FILMS, ROOT
from test_partition import LAW, files

import footpath as fp

MANY: dict[str, Any] = {"hops": 3, "paths_per_user": 4000, "seed": 9}
"""A corpus that takes some seconds, so that there is a middle."""


def samples_what_one_process_samples(verbs: Any, engine: Any, kg: fp.Kg) -> None:
    """Rows and their order. Of columns without a null, engines say that there may be some."""
    spread = verbs.compute(engine, verbs.sample(engine, kg, parts=5, **LAW))
    assert spread.to_pylist() == kg.sample(**LAW).to_pyarrow().to_pylist()


def exports_what_one_process_exports(verbs: Any, engine: Any, kg: fp.Kg, tmp_path: Path) -> None:
    """A corpus, byte for byte."""
    kg.sample(**LAW).publish(tmp_path / "whole")
    verbs.export(engine, kg, tmp_path / "joined", folder=tmp_path / "parts", parts=6, **LAW)
    assert files(tmp_path / "joined") == files(tmp_path / "whole")


def recommends_what_one_process_recommends(verbs: Any, engine: Any, model: fp.Model, tmp_path: Path) -> None:
    """Rows, and a file byte for byte."""
    search: dict[str, Any] = {"k": 3, "beams": 30}
    found = verbs.compute(engine, verbs.recommend(engine, model, model.kg, parts=4, **search))
    alone = model.recommend(part=(0, 480), threads=1, **search)
    assert found.to_pylist() == alone.to_dicts()
    alone.save(tmp_path / "alone.jsonl")
    joined = tmp_path / "joined.jsonl"
    verbs.export_lists(engine, model, model.kg, joined, folder=tmp_path / "parts", parts=4, **search)
    assert joined.read_bytes() == (tmp_path / "alone.jsonl").read_bytes()


def explains_what_one_process_explains(verbs: Any, engine: Any, model: fp.Model) -> None:
    """Texts of paths, pair after pair."""
    pairs = [(f"user-{number:03d}", "alien-1979") for number in range(1, 8)]
    table = verbs.compute(engine, verbs.explain(engine, model, model.kg, pairs, parts=3, paths=2))
    alone = [path.text for user, item in pairs for path in model.explain(user, item, paths=2).paths]
    assert table["text"].to_pylist() == alone


def evaluates_as_one_process_does(verbs: Any, engine: Any, model: fp.Model) -> None:
    """Every figure of ranking and every interval, to the last bit."""
    alone = fp.evaluate(model.kg, model, 5, beams=30, threads=1)
    spread = verbs.evaluate(engine, model, model.kg, 5, beams=30, parts=4)
    figures = [name for name, value in alone.items() if isinstance(value, float) and spread.get(name) is not None]
    assert {"ndcg@5", "hr@5", "auc", "serendipity"} <= set(figures)
    assert {name: alone[name] for name in figures} == {name: spread[name] for name in figures}
    assert alone["intervals"] == spread["intervals"]


def tries_settings(verbs: Any, engine: Any, kg: fp.Kg, tmp_path: Path) -> None:
    """A trial is the training that one process does."""
    small = {"preset": "tiny", "paths_per_user": 4, "epochs": 1, "validations_per_epoch": 1, "linear": False}
    trials = [{**small, "seed": seed} for seed in (1, 2, 3)]
    told = verbs.trials(engine, kg, trials, folder=tmp_path / "trials")
    assert sorted(trial["trial"] for trial in told) == [0, 1, 2]
    assert [trial["ndcg"] for trial in told] == sorted((trial["ndcg"] for trial in told), reverse=True)
    alone = fp.train(kg, threads=1, **told[0]["settings"])
    assert told[0]["ndcg"] == alone.card["best_validation"]
    assert fp.Model(told[0]["model"], kg).hash == alone.hash


SPACE: dict[str, Any] = {
    "method": "halving",
    "trials": 4,
    "eta": 2,
    "rungs": 2,
    "train": {"preset": "tiny", "paths_per_user": 4, "epochs": 1, "validations_per_epoch": 1},
    "space": {"learning_rate": {"log": [1e-3, 1e-2]}, "end_siblings": [24, 96]},
}


def searches_as_one_process_does(verbs: Any, engine: Any, kg: fp.Kg, tmp_path: Path) -> None:
    """The trainings of a search with their figures, all files that it leaves, and the best model."""
    alone = fp.tune(SPACE, kg, out=tmp_path / "alone", threads=1)
    spread = verbs.tune(engine, SPACE, kg, tmp_path / "spread")
    assert spread == alone and len(spread["trials"]) == 6
    assert alone.model is not None and spread.model.hash == alone.model.hash
    left = [visible(tmp_path / place) for place in ("alone", "spread")]
    assert left[0] == left[1] == {"best", "best.toml", "search.json", "trials.jsonl", "trials.md", "tune.svg"}
    for name in left[0] - {"best"}:
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "spread" / name).read_bytes(), name
    with pytest.raises(fp.UsageError, match="resume"):
        verbs.tune(engine, SPACE, kg, tmp_path / "spread")
    assert verbs.tune(engine, SPACE, kg, tmp_path / "spread", unfinished="resume") == alone


def visible(folder: Path) -> set[str]:
    """The names in a folder but for locks."""
    return {name for name in os.listdir(folder) if not name.startswith(".")}


def survives(verbs: Any, engine: Any, kg: fp.Kg, tmp_path: Path, kill: Callable[[], None], parts: int = 24) -> None:
    """A worker process that is killed in the middle costs its tasks, which are done again: the same bytes."""
    folder, joined = tmp_path / "parts", tmp_path / "joined"
    kg.sample(**MANY).publish(tmp_path / "whole")
    with _in_the_middle(lambda: verbs.export(engine, kg, joined, folder=folder, parts=parts, **MANY), folder, parts):
        kill()
    assert files(joined) == files(tmp_path / "whole")


def refuses_another_graph(verbs: Any, engine: Any, films_path: Path, tmp_path: Path) -> None:
    """Between two jobs somebody puts another graph where the driver saw one."""
    path = tmp_path / "kg"
    shutil.copytree(films_path, path)
    kg = fp.Kg(path)
    verbs.compute(engine, verbs.sample(engine, kg, parts=2, **LAW))
    shutil.rmtree(path)
    fp.import_folder(FILMS, out=path, split="none")
    # Engines have errors of their own around ours.
    with pytest.raises(Exception, match="the graph there has the hash .* it was changed, or is another"):
        verbs.compute(engine, verbs.sample(engine, kg, parts=3, **LAW))


@contextmanager
def _in_the_middle(work: Callable[[], object], folder: Path, parts: int) -> Iterator[None]:
    """While some parts are done, and others not."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=run)
    thread.start()
    begun = monotonic()
    while _done(folder) < 2 and thread.is_alive() and monotonic() - begun < 300:
        sleep(0.002)
    yield
    assert 2 <= _done(folder) < parts, "it was the middle"
    thread.join()
    if failed:
        raise failed[0]


def _done(folder: Path) -> int:
    return sum(not name.startswith(".") for name in os.listdir(folder)) if folder.is_dir() else 0


def runs(example: str, tmp_path: Path) -> None:
    """An example of the repository, to its end, in a process of its own."""
    made = tmp_path / "made"
    command = [sys.executable, str(ROOT / "examples" / "cluster" / example), str(FILMS), str(made)]
    told = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, timeout=500).stdout
    assert f"corpus and lists are in {made}; NDCG@10 0." in told
    kg = fp.Kg(made / "kg")
    kg.sample(hops=3, paths_per_user=50, seed=7).publish(made / "alone")
    assert files(made / "corpus") == files(made / "alone")
