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

distributed = pytest.importorskip("distributed")
verbs: Any = pytest.importorskip("footpath.dask")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster of two worker processes on this machine."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
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
    report = run("evaluate", "--kg", films_path, "-k", 5, "--beams", 20, tiny.path)
    assert report["ndcg@5"] == fp.evaluate(kg, tiny, 5, beams=20)["ndcg@5"]


def test_the_example(tmp_path: Path) -> None:
    cluster.runs("on_dask.py", tmp_path)
