"""Footpath on Spark, with executors in processes of their own: `cargo xtask cluster spark` runs this."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cluster
import pytest

import footpath as fp

sql: Any = pytest.importorskip("pyspark.sql")
verbs: Any = pytest.importorskip("footpath.spark")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two executors, each a process; tasks that lag behind are started a second time."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = {
        "spark.ui.enabled": "false",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
        "spark.speculation": "true",
        "spark.speculation.interval": "200ms",
        "spark.speculation.quantile": "0.5",
        "spark.speculation.multiplier": "2",
        "spark.speculation.minTaskRuntime": "2s",
    }
    builder = sql.SparkSession.builder.master("local-cluster[2,1,1024]").appName("footpath")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def processes(pattern: str) -> list[int]:
    """Processes of this test whose command line matches."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if re.search(pattern, command):
            found.append(int(name))
    return sorted(found)


def executors(spark: Any) -> list[int]:
    """The processes of the executors of this application."""
    return processes(rf"CoarseGrainedExecutorBackend.*{spark.sparkContext.applicationId}")


def python_workers(spark: Any) -> list[int]:
    """The Python processes that do tasks for the executors: children of the daemons, which are theirs."""
    parents = {pid: int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])
               for pid in processes("pyspark.daemon")}
    ours = set(executors(spark))
    daemons = {pid for pid, parent in parents.items() if parent in ours}
    return [pid for pid, parent in parents.items() if parent in daemons]


def test_samples(spark: Any, films: fp.Kg) -> None:
    cluster.samples_what_one_process_samples(verbs, spark, films)


def test_exports(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.exports_what_one_process_exports(verbs, spark, films, tmp_path)


def test_recommends(spark: Any, tiny: fp.Model, tmp_path: Path) -> None:
    cluster.recommends_what_one_process_recommends(verbs, spark, tiny, tmp_path)


def test_explains(spark: Any, tiny: fp.Model) -> None:
    cluster.explains_what_one_process_explains(verbs, spark, tiny)


def test_evaluates(spark: Any, tiny: fp.Model) -> None:
    cluster.evaluates_as_one_process_does(verbs, spark, tiny)


def test_tries_settings(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.tries_settings(verbs, spark, films, tmp_path)


def test_a_killed_executor_changes_no_byte(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    before = executors(spark)
    assert len(before) == 2
    cluster.survives(verbs, spark, films, tmp_path, lambda: os.kill(before[0], signal.SIGKILL))
    assert before[0] not in executors(spark)


def test_a_worker_that_stands_still_is_overtaken(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    stopped: list[int] = []

    def stop() -> None:
        stopped.append(python_workers(spark)[0])
        os.kill(stopped[0], signal.SIGSTOP)

    begun = time.monotonic()
    try:
        cluster.survives(verbs, spark, films, tmp_path, stop)
    finally:
        for pid in stopped:
            if os.path.exists(f"/proc/{pid}"):
                os.kill(pid, signal.SIGCONT)
    assert stopped and time.monotonic() - begun < 280, "nobody waits for what does not move"


def test_nodes_take_the_graph(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    reference = verbs.broadcast(spark, films, cache=tmp_path)
    assert verbs.compute(spark, verbs.sample(spark, reference, parts=3, **cluster.LAW)).num_rows == 1440
    assert sorted(os.listdir(tmp_path)) == [f"kg-{films.hash}", f"kg-{films.hash}.lock"]


def test_a_graph_that_changed_between_tasks_is_refused(spark: Any, films_path: Path, tmp_path: Path) -> None:
    cluster.refuses_another_graph(verbs, spark, films_path, tmp_path)


def test_the_example(tmp_path: Path) -> None:
    cluster.runs("on_spark.py", tmp_path)
