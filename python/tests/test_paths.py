"""Paths out: as frames, as arrays, and as a stream that draws when it is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest

import footpath as fp


def test_all_forms_are_the_same_paths(films: fp.Kg) -> None:
    paths = films.sample(hops=3, end="train", paths_per_user=3, seed=7)
    frame = paths.to_polars()
    assert frame.columns == ["user", "item", "nodes", "relations"]
    assert isinstance(paths.to_pandas(), pandas.DataFrame)
    assert paths.to_pandas()["item"].tolist() == frame["item"].to_list()
    words = numpy.array(films.words())
    rows = paths.to_numpy()
    assert rows.dtype == numpy.uint32 and rows.shape == (frame.height, 7)
    assert words[rows[:, 0]].tolist() == [f"user:{user}" for user in frame["user"]]
    assert words[rows[:, ::2]].tolist() == frame["nodes"].to_list()
    assert words[rows[:, 1::2]].tolist() == frame["relations"].to_list()
    tokens = paths.table(tokens=True).to_pyarrow()["tokens"].combine_chunks()
    assert tokens.flatten().to_numpy().tolist() == rows.flatten().tolist()


def test_a_stream_draws_when_it_is_read(films: fp.Kg) -> None:
    paths = films.sample(hops=3, paths_per_user=1_000_000)
    reader = pyarrow.RecordBatchReader.from_stream(paths)
    first = reader.read_next_batch()
    assert first.num_rows > 0, "480 million paths would not have been drawn by now"
    again = pyarrow.RecordBatchReader.from_stream(paths).read_next_batch()
    assert first.equals(again)


def test_paths_are_those_of_the_command(films: fp.Kg, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    run = [sys.executable, "-m", "footpath"]
    sample = ["sample", films.path, "--out", str(corpus), "--hops", "3", "--seed", "7", "--paths-per-user", "4"]
    subprocess.run([*run, *sample], check=True, capture_output=True)
    export = ["export", str(corpus), "--kg", films.path, "--format", "jsonl"]
    lines = subprocess.run([*run, *export], check=True, capture_output=True, text=True).stdout.splitlines()
    drawn = films.sample(hops=3, seed=7, paths_per_user=4).to_polars()
    assert [json.loads(line)["nodes"] for line in lines] == drawn["nodes"].to_list()


def test_threads_change_nothing(films: fp.Kg) -> None:
    arrays = [films.sample(hops=3, end="unseen", law="uniform-end", threads=n).to_numpy() for n in (1, 2, 4)]
    assert all(numpy.array_equal(arrays[0], other) for other in arrays[1:])


def test_users_can_be_chosen(films: fp.Kg) -> None:
    some = films.sample(hops=3, paths_per_user=2, users=["user-007", "user-001"]).to_polars()
    assert some["user"].to_list() == ["user-007"] * 2 + ["user-001"] * 2
    everybody = films.sample(hops=3, paths_per_user=2).to_polars()
    assert some.filter(polars.col("user") == "user-001").equals(everybody.filter(polars.col("user") == "user-001"))


def test_quotas(films: fp.Kg) -> None:
    assert len(films.sample(hops=3, num_paths=1000).table()) == 1000
    every = films.sample(hops=2, all_paths=1000, users="user-001").to_polars()
    assert every["nodes"].is_unique().all()
    assert films.sample(hops=3, paths_per_user=5, distinct=True).to_polars()["nodes"].is_unique().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hops": 0}, "hops: must be 1 to"),
        ({"hops": "three"}, "must be a whole number"),
        ({"hops": 3, "pattern": "x"}, "give one of hops, pattern"),
        ({"pattern": "(:user)-[:hates]->(:item)"}, "hates"),
        ({"end": "never"}, "never"),
        ({"law": "mine"}, "mine"),
        ({"paths_per_user": 0}, "must be 1 to"),
        ({"paths_per_user": 1, "num_paths": 1}, "give one of paths_per_user"),
        ({"damping": float("nan")}, "an option is no number"),
        ({"relation_weights": {"nope": 2.0}}, "no relation"),
        ({"seed": -1}, "invalid value"),
        ({"threads": 100_000}, "threads"),
        ({"threads": -1}, "threads"),
        ({"users": []}, "none is given"),
    ],
)
def test_bad_options_are_refused_with_words(films: fp.Kg, options: dict[str, Any], words: str) -> None:
    with pytest.raises(fp.Error, match=".*") as raised:
        films.sample(**options)
    assert words in str(raised.value)


def test_unknown_users_and_nodes_are_input_errors(films: fp.Kg) -> None:
    with pytest.raises(fp.InputError, match="unknown_user"):
        films.sample(hops=3, users=["nobody"])
    with pytest.raises(fp.InputError, match="unknown_node"):
        films.neighbours("item:nothing")
    with pytest.raises(fp.UsageError, match="no \"nope\"; there are"):
        films.neighbours("item:alien-1979", "nope")


def test_neighbours_go_both_ways(films: fp.Kg) -> None:
    directors = films.neighbours("item:alien-1979", "directed_by").to_dicts()
    assert [row["neighbour"] for row in directors] == ["entity:person-ridley-scott"]
    directed = films.neighbours("entity:person-ridley-scott", "~directed_by").to_dicts()
    assert "item:alien-1979" in [row["neighbour"] for row in directed]
    assert len(films.neighbours("item:alien-1979", limit=2)) == 2


def test_counts_are_numbers_of_paths(films: fp.Kg) -> None:
    counted = films.count(hops=2, end="any")
    every = films.sample(hops=2, end="any", all_paths=1_000_000).table()
    assert counted["total"] == len(every)
