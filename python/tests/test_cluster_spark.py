"""Footpath on Spark, with executors in processes of their own: `cargo xtask cluster spark` runs this."""

from __future__ import annotations

import os
import re
import signal
import sys
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
    """Two executors, each a process."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = {
        "spark.ui.enabled": "false",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
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


def test_searches_settings(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    cluster.searches_as_one_process_does(verbs, spark, films, tmp_path)


def test_a_killed_executor_changes_no_byte(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    before = executors(spark)
    assert len(before) == 2
    cluster.survives(verbs, spark, films, tmp_path, lambda: os.kill(before[0], signal.SIGKILL))
    assert before[0] not in executors(spark)


def test_nodes_take_the_graph(spark: Any, films: fp.Kg, tmp_path: Path) -> None:
    reference = verbs.broadcast(spark, films, cache=tmp_path)
    assert verbs.compute(spark, verbs.sample(spark, reference, parts=3, **cluster.LAW)).num_rows == 1440
    assert sorted(os.listdir(tmp_path)) == [f"kg-{films.hash}", f"kg-{films.hash}.lock"]


def test_a_graph_that_changed_between_tasks_is_refused(spark: Any, films_path: Path, tmp_path: Path) -> None:
    cluster.refuses_another_graph(verbs, spark, films_path, tmp_path)


def test_the_example(tmp_path: Path) -> None:
    cluster.runs("on_spark.py", tmp_path)
