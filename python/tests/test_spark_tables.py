"""Importing on Spark gives the graph that an import without an engine gives: `cargo xtask cluster spark` runs this."""

from __future__ import annotations

import csv
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FILMS

import footpath as fp

sql: Any = pytest.importorskip("pyspark.sql")
verbs: Any = pytest.importorskip("footpath.spark")

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session with two cores, in several partitions."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = sql.SparkSession.builder.master("local[2]").appName("tables")
    options = {
        "spark.ui.enabled": "false",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
        "spark.sql.shuffle.partitions": "5",
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def table(name: str) -> tuple[list[str], Rows]:
    """A table of the films, with the lines of its rows."""
    with open(FILMS / f"{name}.tsv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [*header, "line"], [(*row, line) for line, row in enumerate(rows, 2)]


def frame(spark: Any, name: str, whole: tuple[str, ...] = ()) -> Any:
    """The same as a data frame, in no order."""
    header, rows = table(name)
    shuffled = random.Random(5).sample(rows, len(rows))
    kinds = ["bigint" if column == "line" else "string" for column in header]
    made = spark.createDataFrame(shuffled, ", ".join(f"`{column}` {kind}" for column, kind in zip(header, kinds)))
    for column in whole:
        made = made.withColumn(column, made[column].cast("bigint"))
    return made.repartition(3)


def films_frames(spark: Any) -> dict[str, Any]:
    log = frame(spark, "interactions", ("timestamp",))
    if "rating" in log.columns:
        log = log.withColumn("rating", log["rating"].cast("double"))
    frames = {"interactions": log, "triples": frame(spark, "triples")}
    for name in ("items", "entities", "relations"):
        if (FILMS / f"{name}.tsv").exists():
            frames[name] = frame(spark, name).drop("line")
    return frames


FILES = {"interactions_file": "interactions.tsv", "triples_file": "triples.tsv"}


@pytest.mark.parametrize("split", ["auto", "temporal", "leave-one-out", "none"])
def test_the_films_are_the_films(spark: Any, tmp_path: Path, split: Any) -> None:
    alone = fp.import_folder(FILMS, split=split, seed=7)
    spread = verbs.import_tables(spark, folder=tmp_path / "tables", split=split, seed=7, **films_frames(spark), **FILES)
    assert spread.hash == alone.hash
    assert sorted(name for name in os.listdir(tmp_path / "tables") if name.startswith("_")) == []
    again = fp.build_tables(tmp_path / "tables", tmp_path / "kg")
    assert again.hash == alone.hash


def test_low_ratings_and_what_is_rated_again(spark: Any, tmp_path: Path) -> None:
    draw = random.Random(3)
    pairs = [(f"u{draw.randrange(20)}", f"i{draw.randrange(30)}") for _ in range(900)]
    log = [(user, item, float(draw.randrange(1, 11)) / 2, time, 2 + time) for time, (user, item) in enumerate(pairs)]
    facts = [(f"i{n}", draw.choice("rst"), f"e{n % 7}", 2 + n) for n in range(30)]
    interactions = spark.createDataFrame(log, "user_id string, item_id string, rating double, timestamp int, line int")
    triples = spark.createDataFrame(facts, "head string, relation string, tail string, line int")
    for number, rule in enumerate(("last", "first", "max")):
        options: dict[str, Any] = {"min_rating": 2.5, "rated_again": rule, "rating_weights": rule == "max"}
        folder = tmp_path / f"data-{number}"
        folder.mkdir()
        write(folder / "interactions.tsv", ["user_id", "item_id", "rating", "timestamp"], log)
        write(folder / "triples.tsv", ["head", "relation", "tail"], facts)
        alone = fp.import_folder(folder, seed=1, **options)
        spread = verbs.import_tables(
            spark, triples, interactions=interactions, folder=tmp_path / f"tables-{number}", **options, **FILES
        )
        assert spread.hash == alone.hash, rule


def write(path: Path, header: list[str], rows: Rows) -> None:
    lines = ["\t".join(header), *("\t".join(map(str, row[:-1])) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


ENTITIES = [("m", "film", "M, a film"), ("p", "person", ""), ("q", "person", " Quentin\t Q "), ("x", "item", "")]
LINKS = [
    ("i1", "m", ""),
    ("i2", "m", "Twin"),
    ("i3", "lost", "Three"),
    ("i4", None, ""),
    ("i5", "nan", ""),
    ("i6", "x", ""),
]
NAMES = [("1", "made_by", "was made by", ""), ("2", "idle", "", ""), ("3", "knows", "", "is known by")]
FACTS = [
    ("m", "1", "p", 0.5, 2),
    ("m", "1", "p", 0.5, 3),
    ("m", "3", "m", 2.0, 4),
    ("p", "3", "q", 1.0, 5),
    ("x", "1", "q", 1.0, 6),
]
PARTS = [
    ("u", "i1", "train", 2),
    ("u", "i2", "dev", 3),
    ("v", "i9", "test", 4),
    ("v", "i2", "train", 5),
    ("v", "i2", "train", 6),
]


def test_twins_weights_parts_and_links_that_lead_nowhere(spark: Any, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    tables: dict[str, tuple[list[str], Rows]] = {
        "entities": (["entity_id", "type", "label"], [(*row, 0) for row in ENTITIES]),
        "items": (["item_id", "entity_id", "title"], [(item, entity or "", title, 0) for item, entity, title in LINKS]),
        "relations": (["relation_id", "name", "forward_label", "inverse_label"], [(*row, 0) for row in NAMES]),
        "triples": (["head", "relation", "tail", "weight"], list(FACTS)),
        "interactions": (["user_id", "item_id", "split"], list(PARTS)),
    }
    plain = {
        name: [[str(cell).replace("\t", " ") for cell in row] for row in rows] for name, (_, rows) in tables.items()
    }
    for name, (header, _) in tables.items():
        write(data / f"{name}.tsv", header, [tuple(row) for row in plain[name]])
    alone = fp.import_folder(data)
    spread = verbs.import_tables(
        spark,
        spark.createDataFrame(FACTS, "head string, relation string, tail string, weight double, line bigint"),
        interactions=spark.createDataFrame(PARTS, "user_id string, item_id string, split string, line bigint"),
        items=spark.createDataFrame(LINKS, "item_id string, entity_id string, title string"),
        entities=spark.createDataFrame(ENTITIES, "entity_id string, type string, label string"),
        relations=spark.createDataFrame(
            NAMES, "relation_id string, name string, forward_label string, inverse_label string"
        ),
        folder=tmp_path / "tables",
        out=tmp_path / "kg",
        **FILES,
    )
    assert spread.schema() == alone.schema()
    assert spread.hash == alone.hash


def test_items_are_joined_by_their_ids_as_without_an_engine(spark: Any, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    log, facts = [("u", "a", 2), ("u", "b", 3)], [("a", "r", "c", 2), ("b", "r", "c", 3)]
    write(data / "interactions.tsv", ["user_id", "item_id"], log)
    write(data / "triples.tsv", ["head", "relation", "tail"], facts)
    alone = fp.import_folder(data, split="none")
    triples = spark.createDataFrame(facts, "head string, relation string, tail string, line int")
    interactions = spark.createDataFrame(log, "user_id string, item_id string, line int")
    spread = verbs.import_tables(
        spark, triples, interactions=interactions, folder=tmp_path / "tables", split="none", **FILES
    )
    assert spread.hash == alone.hash
    plain = verbs.import_tables(spark, triples, folder=tmp_path / "plain", triples_file="triples.tsv")
    (data / "interactions.tsv").unlink()
    assert plain.hash == fp.import_folder(data).hash


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("a null", {"triples": [("a", "r", None)]}, "triples: 1 rows have no tail"),
    ("no triple", {"triples": []}, "triples: no triple is there"),
    (
        "two weights",
        {"weights": [("a", "r", "b", 1.0), ("a", "r", "b", 2.0)]},
        "`a` `r` `b` has two weights, 1.0 and 2.0",
    ),
    ("a blank id", {"triples": [("a", "r", " ")]}, "a name is missing"),
    ("a reserved relation", {"triples": [("a", "interacted", "b")]}, "the name of the interaction relation"),
    ("an unlisted entity", {"entities": [("a", "t")]}, "entity `b` is not among the listed ones"),
    ("an entity twice", {"entities": [("a", "t"), ("b", "t"), ("b", "s")]}, "`b` stands 2 times"),
    ("a type of ours", {"entities": [("a", "user"), ("b", "t")]}, "the type `user`, which is the graph's own"),
    ("an item twice", {"items": [("i", "a"), ("i", "b")]}, "`i` has 2 rows that differ"),
    ("links into nowhere", {"items": [("i", "z")]}, "no link names an entity of the triples, as `z` of `i`"),
    ("an unknown part", {"log": [("u", "i", "holdout")]}, "split `holdout` is not train"),
    ("two parts", {"log": [("u", "i", "train"), ("u", "i", "test")]}, "`u` and `i` stand in `test` and in `train`"),
    ("an infinite rating", {"ratings": [("u", "i", float("inf"))]}, "rating inf of `u` and `i` is not a finite number"),
    (
        "two ratings at once",
        {"ratings": [("u", "i", 1.0), ("u", "i", 2.0)]},
        "`u` rates `i` 1.0 and 2.0 at the same time",
    ),
    ("held-out facts", {"held_out": [("a", "r", "b", "test")]}, "holds facts out, which is not done on an engine"),
    ("nothing to split by", {"plain": [("u", "i")]}, "split at random, which is not done on an engine"),
    ("dates", {"dates": [("u", "i", "2020-01-01")]}, "column timestamp is of type string; cast it to bigint"),
    ("a random split", {"split": "random"}, "random is not made on an engine"),
    ("odd shares", {"ratios": (0.5, 0.1, 0.1)}, "are not three numbers between 0 and 1"),
]


@pytest.mark.parametrize("case", BAD, ids=[name for name, *_ in BAD])
def test_what_is_wrong_or_not_done_is_refused(
    spark: Any, tmp_path: Path, case: tuple[str, dict[str, Any], str]
) -> None:
    _, given, message = case
    kinds = {
        "triples": ("triples", "head string, relation string, tail string"),
        "weights": ("triples", "head string, relation string, tail string, weight double"),
        "held_out": ("triples", "head string, relation string, tail string, split string"),
        "entities": ("entities", "entity_id string, type string"),
        "items": ("items", "item_id string, entity_id string"),
        "log": ("interactions", "user_id string, item_id string, split string"),
        "ratings": ("interactions", "user_id string, item_id string, rating double"),
        "plain": ("interactions", "user_id string, item_id string"),
        "dates": ("interactions", "user_id string, item_id string, timestamp string"),
    }
    frames: dict[str, Any] = {"triples": spark.createDataFrame([("a", "r", "b")], kinds["triples"][1])}
    options: dict[str, Any] = {"split": "none"} if "ratings" in given else {}
    for name, value in given.items():
        if name in kinds:
            frames[kinds[name][0]] = spark.createDataFrame(value, kinds[name][1])
        else:
            options[name] = value
    with pytest.raises((fp.InputError, fp.UsageError), match=message.replace("(", r"\(")):
        verbs.import_tables(spark, folder=tmp_path / "tables", out=tmp_path / "kg", **frames, **options)
    assert not (tmp_path / "kg").exists()


def test_a_folder_that_is_not_empty_is_refused(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(fp.UsageError, match="is not empty"):
        verbs.import_tables(
            spark,
            spark.createDataFrame([("a", "r", "b")], "head string, relation string, tail string"),
            folder=tmp_path,
        )
