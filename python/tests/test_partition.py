"""Parts of users as tasks, without an engine: pure functions whose results are the whole, and what they refuse."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from conftest import FILMS

import footpath as fp
from footpath import partition

LAW: dict[str, Any] = {"hops": 3, "end": "unseen", "law": "uniform-end", "damping": 0.5, "paths_per_user": 3, "seed": 4}


def files(directory: str | Path) -> dict[str, bytes]:
    """Every file of a directory."""
    return {entry.name: Path(entry.path).read_bytes() for entry in os.scandir(directory)}


@pytest.fixture
def no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps nothing yet."""
    monkeypatch.setattr(partition, "_kept", type(partition._kept)())


def test_ranges_are_all_users_in_order(films: fp.Kg) -> None:
    for parts in (1, 2, 7, 480, 1000):
        ranges = partition.ranges(films, parts, hops=3)
        assert len(ranges) <= parts and ranges[0][0] == 0 and ranges[-1][1] == 480
        assert all(before[1] == after[0] for before, after in zip(ranges, ranges[1:]))
    with pytest.raises(fp.UsageError, match="parts"):
        partition.ranges(films, 0)


def test_parts_hold_as_much_work_and_not_as_many_users(tmp_path: Path) -> None:
    # One user has a hundred times the choices of another.
    log = [(f"u{user:02d}", f"i{item}") for user in range(40) for item in range(200 if user < 4 else 2)]
    users, items = zip(*log)
    kg = fp.import_frames(
        interactions={"user_id": list(users), "item_id": list(items)},
        triples={"head": ["i0", "i1"], "relation": ["r", "r"], "tail": ["x", "x"]},
        split="none",
    )
    first, second = partition.ranges(kg, 2, hops=3)
    assert first[1] - first[0] < (second[1] - second[0]) / 2


def test_tables_of_parts_are_the_whole(films: fp.Kg) -> None:
    work = partition.work_of(films, sample=LAW)
    parts = [partition.sample(work, part) for part in partition.ranges(films, 5, hops=3)]
    assert pyarrow.concat_tables(parts) == films.sample(**LAW).to_pyarrow()
    again = pickle.loads(pickle.dumps(work))
    assert again == work and partition.sample(again, (3, 5)) == films.sample(**LAW).part(3, 5).to_pyarrow()


def test_parts_that_are_written_are_the_corpus(films: fp.Kg, tmp_path: Path) -> None:
    films.sample(**LAW).publish(tmp_path / "whole")
    work = partition.work_of(films, sample=LAW)
    parts = [partition.export(work, part, tmp_path / "parts") for part in partition.ranges(films, 6, hops=3)]
    told = fp.concat(reversed(parts), tmp_path / "joined")
    assert (told["num_parts"], told["num_paths"]) == (6, 1440)
    assert files(tmp_path / "joined") == files(tmp_path / "whole")
    assert all(not name.startswith(".") for name in os.listdir(tmp_path / "parts"))
    with pytest.raises(fp.ArtefactError, match="users are missing"):
        fp.concat(parts[1:], tmp_path / "short")
    with pytest.raises(fp.UsageError, match="already exists"):
        fp.concat(parts, tmp_path / "joined")


def test_a_part_that_is_there_is_not_made_again(films: fp.Kg, tmp_path: Path) -> None:
    work = partition.work_of(films, sample=LAW)
    made = partition.export(work, (0, 10), tmp_path)
    before = os.stat(os.path.join(made, "paths.u32"))
    assert partition.export(work, (0, 10), tmp_path) == made
    assert os.stat(os.path.join(made, "paths.u32")) == before
    other = partition.work_of(films, sample={**LAW, "seed": 5})
    assert partition.export(other, (0, 10), tmp_path) != made, "parts of two jobs may lie in one folder"


def test_a_task_that_is_done_twice_at_a_time_does_no_harm(films: fp.Kg, tmp_path: Path) -> None:
    work = partition.work_of(films, sample={**LAW, "paths_per_user": 200})
    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(lambda _: partition.export(work, (0, 40), tmp_path), range(12)))
    assert len(made) == 1 and os.listdir(tmp_path) == [os.path.basename(made.pop())]


def test_lists_of_parts_are_the_file_of_all(tiny: fp.Model, tmp_path: Path) -> None:
    search: dict[str, Any] = {"k": 4, "beams": 30}
    work = partition.work_of(tiny.kg, tiny, search=search)
    ranges = partition.ranges(tiny.kg, 4, together=partition.USERS_TOGETHER)
    assert len(ranges) == 4 and all(first % partition.USERS_TOGETHER == 0 for first, _ in ranges)
    parts = [partition.export_lists(work, part, tmp_path / "parts") for part in ranges]
    tiny.recommend(part=(0, 480), threads=1, **search).save(tmp_path / "whole.jsonl")
    told = fp.concat_lists(parts[::-1], tiny.kg, tmp_path / "joined.jsonl")
    assert (told["form"], told["num_users"], told["num_missing"]) == ("json", 480, 0)
    assert (tmp_path / "joined.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    table = pyarrow.concat_tables([partition.recommend(work, part) for part in ranges])
    assert table == tiny.recommend(part=(0, 480), threads=1, **search).to_pyarrow()
    with pytest.raises(fp.ArtefactError, match="have no list"):
        fp.concat_lists(parts[1:], tiny.kg, tmp_path / "short.jsonl")


def test_reasons_of_pairs(tiny: fp.Model) -> None:
    pairs = [("user-001", "alien-1979"), ("user-002", "jaws-1975")]
    work = partition.work_of(tiny.kg, tiny, search={"paths": 2})
    table = partition.explain(work, pairs)
    for user, item in pairs:
        rows = [row for row in table.to_pylist() if (row["user"], row["item"]) == (user, item)]
        paths = tiny.explain(user, item, paths=2).paths
        assert [(row["text"], row["nodes"], row["log_probability"]) for row in rows] == [
            (path.text, path.nodes, path.log_probability) for path in paths
        ]


def test_a_worker_of_another_version_refuses(films: fp.Kg) -> None:
    work = dataclasses.replace(partition.work_of(films, sample=LAW), version="0.0.1")
    with pytest.raises(fp.UsageError, match=rf"footpath {fp.__version__} is installed on worker .* 0\.0\.1 at the"):
        partition.sample(work, (0, 1))


def test_another_graph_in_the_same_place_is_refused(films_path: Path, tmp_path: Path, no_other: None) -> None:
    path = tmp_path / "kg"
    shutil.copytree(films_path, path)
    kg = fp.Kg(path)
    work = partition.work_of(kg, sample=LAW)
    expected = partition.sample(work, (0, 3))
    shutil.rmtree(path)
    fp.import_folder(FILMS, out=path, split="none")
    found = fp.Kg(path).hash
    with pytest.raises(fp.ArtefactError, match=f"the graph there has the hash {found}, and the driver's has {kg.hash}"):
        partition.sample(work, (3, 6))
    shutil.rmtree(path)
    shutil.copytree(films_path, path)
    assert partition.sample(work, (0, 3)) == expected, "the same graph, put there again"


def test_what_is_opened_is_kept(tiny: fp.Model, monkeypatch: pytest.MonkeyPatch, no_other: None) -> None:
    opened: list[str] = []
    sampling = partition.work_of(tiny.kg, sample=LAW)
    recommending = partition.work_of(tiny.kg, tiny, search={"k": 1})
    kg, model = partition.Kg, partition.Model
    monkeypatch.setattr(partition, "Kg", lambda *a, **b: (opened.append("kg"), kg(*a, **b))[1])
    monkeypatch.setattr(partition, "Model", lambda *a, **b: (opened.append("model"), model(*a, **b))[1])
    for part in [(0, 2), (2, 4), (4, 6)]:
        partition.sample(sampling, part)
        partition.recommend(recommending, part)
    assert opened == ["kg", "model"]
    for seed in range(2 * partition.MOST_KEPT):
        partition.sample(dataclasses.replace(sampling, sample={**LAW, "seed": seed}), (0, 1))
    assert len(partition._kept) == partition.MOST_KEPT


def test_nodes_take_an_artefact_once_and_verify_it(films_path: Path, tmp_path: Path) -> None:
    kg = fp.Kg(films_path)
    for source in (str(films_path), f"file://{films_path}"):
        if "://" in source:
            pytest.importorskip("fsspec")
        cache = tmp_path / source.replace("/", "-")
        reference = partition.broadcast(kg, source, cache)
        with ThreadPoolExecutor(4) as pool:
            places = set(pool.map(lambda _: partition.place(reference), range(8)))
        assert places == {str(cache / f"kg-{kg.hash}")}
        assert fp.Kg(places.pop()).hash == kg.hash
        assert sorted(os.listdir(cache)) == [f"kg-{kg.hash}", f"kg-{kg.hash}.lock"]
        work = partition.work_of(reference, sample=LAW)
        assert partition.sample(work, (0, 2)) == kg.sample(**LAW).part(0, 2).to_pyarrow()


def test_a_cache_is_that_of_the_worker(films: fp.Kg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = pickle.loads(pickle.dumps(partition.broadcast(films)))
    monkeypatch.setenv("FOOTPATH_CACHE", str(tmp_path / "node-7"))
    assert partition.place(reference) == str(tmp_path / "node-7" / f"kg-{films.hash}")


def test_a_source_that_is_damaged_or_another_is_refused(films_path: Path, tmp_path: Path) -> None:
    kg = fp.Kg(films_path)
    other, damaged = tmp_path / "other", tmp_path / "damaged"
    fp.import_folder(FILMS, out=other, split="none")
    shutil.copytree(films_path, damaged)
    with open(damaged / "graph.safetensors", "r+b") as file:
        file.seek(1000)
        file.write(b"\x00\x01\x02")
    cases = [(other, "the graph there has the hash"), (damaged, "checksum"), (tmp_path / "no", "no to ")]
    for source, message in cases:
        cache = tmp_path / "cache"
        with pytest.raises((fp.ArtefactError, fp.RuntimeFailure), match=message):
            partition.place(partition.broadcast(kg, source, cache))
        assert [name for name in os.listdir(cache) if not name.endswith(".lock")] == []


def test_what_only_the_driver_can_read_is_refused(films: fp.Kg) -> None:
    for name, value in [("patterns", "mixture.toml"), ("users", ["user-001"]), ("walk", "(:entity)-[]-{2}()")]:
        with pytest.raises(fp.UsageError, match=name):
            partition.work_of(films, sample={name: value})


def from_a_network(table: pyarrow.Table) -> pyarrow.Table:
    """A table as it comes from another process: its buffers lie wherever they landed."""
    buffers: list[pickle.PickleBuffer] = []
    told = pickle.dumps(table, protocol=5, buffer_callback=buffers.append)
    landed = []
    for buffer in buffers:
        room = bytearray(buffer.raw().nbytes + 3)
        room[3:] = buffer.raw()
        landed.append(memoryview(room)[3:])
    moved: pyarrow.Table = pickle.loads(told, buffers=landed)
    return moved


def test_a_frame_that_came_over_a_network_is_read(films: fp.Kg) -> None:
    users = films.users()
    table = pyarrow.table({"user": users, "item": ["alien-1979"] * len(users), "score": [1.0] * len(users)})
    moved = from_a_network(table)
    assert any(b and b.address % 8 for column in moved.columns for chunk in column.chunks for b in chunk.buffers())
    assert fp.evaluate(films, moved)["ndcg@10"] == fp.evaluate(films, table)["ndcg@10"]
