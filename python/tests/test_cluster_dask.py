"""Footpath on Dask, with worker processes that are killed, outdated, or out of room."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cluster
import pytest
from test_partition import LAW, files

import footpath as fp
from footpath import _cluster
from footpath._models import space_text

dask: Any = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
verbs: Any = pytest.importorskip("footpath.dask")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster of two worker processes on this machine."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    quiet = dask.config.set(verbs.QUIET)
    with quiet, distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield client


def test_samples(client: Any, films: fp.Kg) -> None:
    cluster.samples_what_one_process_samples(verbs, client, films)


def test_exports(client: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.exports_what_one_process_exports(verbs, client, films, tmp_path)


def test_recommends(client: Any, tiny: fp.Model, tmp_path: Path) -> None:
    cluster.recommends_what_one_process_recommends(verbs, client, tiny, tmp_path)


def test_explains(client: Any, tiny: fp.Model) -> None:
    cluster.explains_what_one_process_explains(verbs, client, tiny)


def test_evaluates(client: Any, tiny: fp.Model) -> None:
    cluster.evaluates_as_one_process_does(verbs, client, tiny)


def test_tries_settings(client: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.tries_settings(verbs, client, films, tmp_path)


def test_searches_settings(client: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.searches_as_one_process_does(verbs, client, films, tmp_path)


def test_a_killed_worker_changes_no_byte(client: Any, films: fp.Kg, tmp_path: Path) -> None:
    before: dict[str, int] = client.run(os.getpid)

    def kill() -> None:
        os.kill(min(before.values()), signal.SIGKILL)

    cluster.survives(verbs, client, films, tmp_path, kill)
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != set(before.values()), "a process was killed and another came"


def test_every_node_takes_the_graph_once(client: Any, films: fp.Kg, tmp_path: Path) -> None:
    reference = verbs.broadcast(client, films, cache=tmp_path)
    assert sorted(os.listdir(tmp_path)) == [f"kg-{films.hash}", f"kg-{films.hash}.lock"]
    cluster.samples_what_one_process_samples(verbs, client, films)
    assert verbs.compute(client, verbs.sample(client, reference, **LAW)) == films.sample(**LAW).to_pyarrow()


def test_a_graph_that_changed_between_tasks_is_refused(client: Any, films_path: Path, tmp_path: Path) -> None:
    cluster.refuses_another_graph(verbs, client, films_path, tmp_path)


def _with_little_room(bytes_at_most: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, resource.RLIM_INFINITY))


def test_a_worker_without_room_says_so_and_leaves_nothing(client: Any, films: fp.Kg, tmp_path: Path) -> None:
    folder, joined = tmp_path / "parts", tmp_path / "joined"
    options: dict[str, Any] = {**LAW, "paths_per_user": 300}
    # A limit on the size of files stands for a full disk.
    tight = sorted(client.run(os.getpid))[:1]
    client.run(_with_little_room, 100_000, workers=tight)
    try:
        with pytest.raises(fp.RuntimeFailure, match="File too large"):
            verbs.export(client, films, joined, folder=folder, parts=4, **options)
    finally:
        client.run(_with_little_room, resource.RLIM_INFINITY, workers=tight)
    assert not joined.exists()
    begun = time.monotonic()
    # The other worker may still be about the task that it has.
    while (left := [name for name in os.listdir(folder) if name.startswith(".")]) and time.monotonic() - begun < 60:
        time.sleep(0.05)
    assert left == []
    kept = {name: os.stat(folder / name).st_ino for name in os.listdir(folder)}
    verbs.export(client, films, joined, folder=folder, parts=4, **options)
    assert all(os.stat(folder / name).st_ino == inode for name, inode in kept.items()), "what was done is not redone"
    films.sample(**options).publish(tmp_path / "whole")
    assert files(joined) == files(tmp_path / "whole")


@pytest.fixture
def other_wheel(tmp_path: Path) -> Path:
    """The package as if it were of another version, to be found before the one that is installed."""
    package = tmp_path / "other" / "footpath"
    package.mkdir(parents=True)
    for entry in os.scandir(os.path.dirname(fp.__file__)):
        if entry.name.endswith(".so"):
            os.symlink(entry.path, package / entry.name)
        elif entry.is_file():
            shutil.copy(entry.path, package / entry.name)
    with open(package / "__init__.py", "a", encoding="utf-8") as file:
        file.write('\n__version__ = "0.0.1"\n')
    return package.parent


def test_a_worker_with_another_wheel_is_refused(films: fp.Kg, other_wheel: Path) -> None:
    empty = distributed.LocalCluster(n_workers=0, dashboard_address=None)
    with empty as local, distributed.Client(local) as client:
        address = client.scheduler.address
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        worker = subprocess.Popen(
            [*command, "--no-nanny"],
            env={**os.environ, "PYTHONPATH": str(other_wheel)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            client.wait_for_workers(1, timeout=60)
            refused = rf"footpath 0\.0\.1 is installed on worker .* and footpath {fp.__version__} at the driver"
            with pytest.raises(fp.UsageError, match=refused):
                verbs.compute(client, verbs.sample(client, films, parts=1, **LAW))
        finally:
            worker.terminate()
            worker.wait(30)


def test_the_command_line(films_path: Path, tiny: fp.Model, tmp_path: Path) -> None:
    def run(*arguments: object) -> dict[str, Any]:
        command = [sys.executable, "-m", "footpath.dask", *map(str, arguments), "--workers", "1"]
        told: dict[str, Any] = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
        return told

    kg = fp.Kg(films_path)
    kg.sample(hops=3, paths_per_user=5, seed=2).publish(tmp_path / "whole")
    options = ["--hops", 3, "--paths-per-user", 5, "--seed", 2, "--parts", 3]
    assert run("sample", films_path, "--out", tmp_path / "joined", *options)["num_parts"] == 3
    assert files(tmp_path / "joined") == files(tmp_path / "whole")
    assert sorted(os.listdir(tmp_path)) == ["joined", "whole"]
    tiny.recommend(part=(0, 480), k=2, beams=20, threads=1).save(tmp_path / "alone")
    told = run("recommend", tiny.path, "--kg", films_path, "-k", 2, "--beams", 20, "--out", tmp_path / "lists")
    assert told["num_users"] == 480
    assert (tmp_path / "lists").read_bytes() == (tmp_path / "alone").read_bytes()
    options = ["--model", tiny.path, "--kg", films_path, "-k", 5, "--beams", 20, "--baselines=popularity"]
    report, alone = run("evaluate", *options), fp.evaluate(kg, tiny, 5, beams=20, baselines=["popularity"])
    assert (report["ndcg@5"], report["baselines"].keys()) == (alone["ndcg@5"], alone["baselines"].keys())
    why = run("explain", tiny.path, "--kg", films_path, "--user", "user-001", "--item", "alien-1979", "--paths", 1)
    assert why["text"] == tiny.explain("user-001", "alien-1979", paths=1).paths[0].text


def test_the_command_line_searches(films: fp.Kg, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text(space_text(cluster.SPACE))
    command = ["tune", space, "--kg", films.path, "--out", tmp_path / "spread", "--workers", 2]
    told = subprocess.check_output([sys.executable, "-m", "footpath.dask", *map(str, command)], text=True)
    assert json.loads(told.splitlines()[-1]) == fp.tune(cluster.SPACE, films)


@pytest.mark.parametrize("verb", ["sample", "export", "recommend", "explain", "evaluate", "tune"])
@pytest.mark.parametrize("engine", ["dask", "spark", "ray"])
def test_every_engine_has_every_verb_on_the_command_line(engine: str, verb: str) -> None:
    told = subprocess.check_output([sys.executable, "-m", f"footpath.{engine}", verb, "--help"], text=True)
    assert f"footpath.{engine}" in told and "--source" in told


def test_lists_to_explain_are_read_in_either_form(tiny: fp.Model, tmp_path: Path) -> None:
    found = tiny.recommend(["user-001", "user-002"], k=2)
    found.save(tmp_path / "lists.jsonl")
    pairs = [(row["user"], row["item"]) for row in found]
    table = "\n".join("\t".join(row) for row in [("user", "item"), *pairs])
    (tmp_path / "lists.tsv").write_text(table + "\n")
    assert _cluster._pairs(str(tmp_path / "lists.jsonl")) == _cluster._pairs(str(tmp_path / "lists.tsv")) == pairs
    (tmp_path / "bad.tsv").write_text("user\tfilm\n")
    with pytest.raises(fp.InputError, match="user and item"):
        _cluster._pairs(str(tmp_path / "bad.tsv"))


def test_the_example(tmp_path: Path) -> None:
    cluster.runs("on_dask.py", tmp_path)
