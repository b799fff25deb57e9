"""Footpath on Ray, with nodes in processes of their own: `cargo xtask cluster ray` runs this."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cluster
import pytest

import footpath as fp

ray: Any = pytest.importorskip("ray")
cluster_utils: Any = pytest.importorskip("ray.cluster_utils")
verbs: Any = pytest.importorskip("footpath.ray")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A head and two nodes, each with processes of its own."""
    memory = {"object_store_memory": 200 << 20}
    local = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **memory})
    workers = [local.add_node(num_cpus=1, **memory) for _ in range(2)]
    here = os.path.dirname(__file__)
    ray.init(address=local.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": here}})
    yield workers
    ray.shutdown()
    local.shutdown()


def children(pid: int) -> list[int]:
    """The processes below a process."""
    parents: dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    below = [pid]
    for parent in below:
        below.extend(child for child, of in parents.items() if of == parent)
    return below[1:]


def test_samples(nodes: Any, films: fp.Kg) -> None:
    cluster.samples_what_one_process_samples(verbs, ray, films)


def test_exports(nodes: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.exports_what_one_process_exports(verbs, ray, films, tmp_path)


def test_recommends(nodes: Any, tiny: fp.Model, tmp_path: Path) -> None:
    cluster.recommends_what_one_process_recommends(verbs, ray, tiny, tmp_path)


def test_explains(nodes: Any, tiny: fp.Model) -> None:
    cluster.explains_what_one_process_explains(verbs, ray, tiny)


def test_evaluates(nodes: Any, tiny: fp.Model) -> None:
    cluster.evaluates_as_one_process_does(verbs, ray, tiny)


def test_tries_settings(nodes: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.tries_settings(verbs, ray, films, tmp_path)


def test_searches_settings(nodes: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.searches_as_one_process_does(verbs, ray, films, tmp_path)


def test_every_node_takes_the_graph_once(nodes: Any, films: fp.Kg, tmp_path: Path) -> None:
    reference = verbs.broadcast(ray, films, cache=tmp_path)
    assert sorted(os.listdir(tmp_path)) == [f"kg-{films.hash}", f"kg-{films.hash}.lock"]
    assert verbs.compute(ray, verbs.sample(ray, reference, parts=3, **cluster.LAW)).num_rows == 1440


def test_a_graph_that_changed_between_tasks_is_refused(nodes: Any, films_path: Path, tmp_path: Path) -> None:
    cluster.refuses_another_graph(verbs, ray, films_path, tmp_path)


def test_a_killed_node_changes_no_byte(nodes: Any, films: fp.Kg, tmp_path: Path) -> None:
    raylet = nodes[0].all_processes["raylet"][0].process.pid

    def kill() -> None:
        for pid in [raylet, *children(raylet)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    cluster.survives(verbs, ray, films, tmp_path, kill)
    # The head notices by asking now and then, which may be after the work is done.
    until = time.monotonic() + 60
    while sum(node["Alive"] for node in ray.nodes()) != 2 and time.monotonic() < until:
        time.sleep(0.2)
    assert sum(node["Alive"] for node in ray.nodes()) == 2, "the head and one of two"


def test_the_example(tmp_path: Path) -> None:
    cluster.runs("on_ray.py", tmp_path)
