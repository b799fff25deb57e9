"""Artefacts from an object store: an S3 server on this machine (moto), read by fsspec's s3fs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FILMS
from test_partition import LAW

import footpath as fp
from footpath import partition

moto: Any = pytest.importorskip("moto.server")
s3fs: Any = pytest.importorskip("s3fs")

BUCKET = "graphs"


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """A file system of an empty bucket; processes that are started meanwhile find it, too."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        files = s3fs.S3FileSystem(skip_instance_cache=True)
        files.mkdir(BUCKET)
        yield files
    server.stop()


def put(store: Any, directory: str | Path, name: str) -> str:
    """Uploads an artefact, with a marker of the folder as consoles leave one; its URL."""
    store.pipe_file(f"{BUCKET}/{name}/", b"")
    for entry in os.scandir(directory):
        store.put_file(entry.path, f"{BUCKET}/{name}/{entry.name}")
    return f"s3://{BUCKET}/{name}"


def test_a_node_takes_graph_and_model_from_a_bucket(store: Any, tiny: fp.Model, tmp_path: Path) -> None:
    kg = tiny.kg
    graph = partition.broadcast(kg, put(store, kg.path, "kg"), tmp_path)
    model = partition.broadcast(tiny, put(store, tiny.path, "model"), tmp_path)
    assert (fp.Kg(partition.place(graph)).hash, partition.place(model)) == (kg.hash, f"{tmp_path}/model-{tiny.hash}")
    work = partition.work_of(graph, model, search={"k": 2, "beams": 20})
    alone = tiny.recommend(part=(0, 64), k=2, beams=20, threads=1)
    assert partition.recommend(work, (0, 64)) == alone.to_pyarrow()


def test_workers_take_it_from_there(store: Any, films: fp.Kg, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    source = put(store, films.path, "for-workers")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        reference = fp.dask.broadcast(client, films, source, tmp_path)
        assert sorted(os.listdir(tmp_path)) == [f"kg-{films.hash}", f"kg-{films.hash}.lock"]
        drawn = fp.dask.compute(client, fp.dask.sample(client, reference, parts=3, **LAW))
    assert drawn == films.sample(**LAW).to_pyarrow()


def test_what_is_damaged_another_or_not_there_is_refused(store: Any, films: fp.Kg, tmp_path: Path) -> None:
    damaged = put(store, films.path, "damaged")
    graph = bytearray(store.cat_file(f"{BUCKET}/damaged/graph.safetensors"))
    graph[1000] ^= 1
    store.pipe_file(f"{BUCKET}/damaged/graph.safetensors", bytes(graph))
    with fp.import_folder(FILMS, split="none") as unsplit:
        other = put(store, unsplit.path, "other")
    cache = tmp_path / "cache"
    cases = [
        (damaged, "checksum"),
        (other, "the graph there has the hash"),
        (f"s3://{BUCKET}/nothing", "nothing to .* on worker"),
        ("s3://no-such-bucket/kg", "no-such-bucket/kg to .* on worker"),
    ]
    for source, message in cases:
        with pytest.raises((fp.ArtefactError, fp.RuntimeFailure), match=message):
            partition.place(partition.broadcast(films, source, cache))
        assert [name for name in os.listdir(cache) if not name.endswith(".lock")] == []


def test_a_store_that_does_not_answer_is_a_failure_of_the_machine(
    store: Any, films: fp.Kg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A port that nobody listens at, and as few tries as there can be.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(fp.RuntimeFailure, match="s3://graphs/kg to .* on worker"):
        partition.place(partition.broadcast(films, f"s3://{BUCKET}/kg", tmp_path))
    s3fs.S3FileSystem.clear_instance_cache()
