"""Frames in: of every library, of every type of ids, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest
from conftest import FILMS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import footpath as fp

INTERACTIONS = {
    "user_id": ["ann", "ann", "bob", "bob", "eve"],
    "item_id": ["1", "2", "1", "3", "2"],
    "rating": [4.0, 5.0, 3.0, 1.0, 2.0],
    "timestamp": [10, 20, 10, 30, 40],
}
ROWS = 5
TRIPLES = {
    "head": ["1", "2", "3"],
    "relation": ["directed_by", "directed_by", "stars"],
    "tail": ["scott", "scott", "ford"],
}


def imported(interactions: Any = INTERACTIONS, triples: Any = TRIPLES, **options: Any) -> fp.Kg:
    return fp.import_frames(interactions=interactions, triples=triples, **{"split": "none", **options})


LIBRARIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "dict": lambda columns: columns,
    "pandas": pandas.DataFrame,
    "polars": polars.DataFrame,
    "lazy": polars.LazyFrame,
    "pyarrow": pyarrow.table,
    "batches": lambda columns: pyarrow.table(columns).to_reader(max_chunksize=2),
    "chunked": lambda columns: pyarrow.concat_tables([pyarrow.table(columns)[:1], pyarrow.table(columns)[1:]]),
    "sliced": lambda columns: pyarrow.concat_tables([pyarrow.table(columns)] * 2).combine_chunks()[-ROWS:],
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_gives_the_same_graph(library: str) -> None:
    made = imported(LIBRARIES[library](INTERACTIONS))
    assert made.hash == imported().hash
    assert made.items_of("ann") == ["1", "2"]


def test_duckdb_gives_the_same_graph() -> None:
    duckdb = pytest.importorskip("duckdb")
    frame = pyarrow.table(INTERACTIONS)
    assert imported(duckdb.sql("select * from frame")).hash == imported().hash


TYPES: dict[str, Callable[[pyarrow.Array], pyarrow.Array]] = {
    "utf8": lambda ids: ids,
    "large_utf8": lambda ids: ids.cast(pyarrow.large_string()),
    "utf8_view": lambda ids: ids.cast(pyarrow.string_view()),
    "dictionary": lambda ids: ids.dictionary_encode(),
    "dictionary of int8": lambda ids: ids.cast(pyarrow.dictionary(pyarrow.int8(), pyarrow.large_string())),
    "int64": lambda ids: ids.cast(pyarrow.int64()),
    "uint8": lambda ids: ids.cast(pyarrow.uint8()),
    "whole float": lambda ids: ids.cast(pyarrow.float64()),
    "dictionary of int64": lambda ids: ids.cast(pyarrow.int64()).dictionary_encode(),
}


@pytest.mark.parametrize("kind", TYPES)
def test_ids_of_every_type_are_the_same_ids(kind: str) -> None:
    table = pyarrow.table(INTERACTIONS)
    items = TYPES[kind](table["item_id"].combine_chunks())
    made = imported(table.set_column(1, "item_id", items))
    assert made.hash == imported().hash


def test_categories_and_dates_of_pandas() -> None:
    frame = pandas.DataFrame(INTERACTIONS)
    frame["user_id"] = frame["user_id"].astype("category")
    frame["timestamp"] = pandas.to_datetime(frame["timestamp"], unit="s")
    made = imported(frame, split="temporal", min_history=2)
    assert made.users() == ["ann", "bob", "eve"]
    assert made.import_report()["report"]["split"]["by"] == "temporal"


NOTHING = pyarrow.array([], pyarrow.string())
BAD = {
    "null id": ({"user_id": ["ann", None], "item_id": ["1", "2"]}, "row 2: `user_id` is null"),
    "nan id": (pandas.DataFrame({"user_id": [1.0, float("nan")], "item_id": ["1", "2"]}), "row 2: `user_id` is null"),
    "nan is no rating": (
        pandas.DataFrame({"user_id": ["a", "b"], "item_id": ["1", "2"], "rating": [1.0, float("nan")]}),
        "row 2: `rating` is null",
    ),
    "fraction": ({"user_id": [0.5], "item_id": ["1"]}, "0.5 in row 1, which is no whole number"),
    "list ids": ({"user_id": [["a"]], "item_id": ["1"]}, "`user_id` is of type List"),
    "binary ids": ({"user_id": [b"a"], "item_id": ["1"]}, "`user_id` is of type Binary"),
    "text rating": ({"user_id": ["a"], "item_id": ["1"], "rating": ["good"]}, "`rating` is of type Utf8"),
    "text time": ({"user_id": ["a"], "item_id": ["1"], "timestamp": ["noon"]}, "`timestamp` is of type Utf8"),
    "no column": ({"userId": ["a"], "item_id": ["1"]}, "no column `user_id`; there are `userId`, `item_id`"),
    "bad split": ({"user_id": ["a"], "item_id": ["1"], "split": ["dev"]}, "row 1: `split` is \"dev\""),
    "empty id": ({"user_id": [""], "item_id": ["1"]}, "interactions:1"),
    "control": ({"user_id": ["a\nb"], "item_id": ["1"]}, "control"),
    "empty": ({"user_id": NOTHING, "item_id": NOTHING}, "empty"),
    "long": ({"user_id": ["a" * 10_000_000], "item_id": ["1"]}, "interactions:1"),
    "lengths": ({"user_id": ["a"], "item_id": ["1", "2"]}, "different lengths"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_frames_are_refused_with_the_row(case: str, tmp_path: Path) -> None:
    frame, words = BAD[case]
    with pytest.raises(fp.InputError) as raised:
        imported(frame, out=tmp_path / "kg")
    assert words in str(raised.value)
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_columns_that_come_twice_are_refused() -> None:
    twice = pandas.DataFrame([["a", "b", "1"]], columns=["user_id", "user_id", "item_id"])
    arrow = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 3, names=["user_id", "user_id", "item_id"])
    for frame in (twice, arrow, arrow.to_reader()):
        with pytest.raises(fp.InputError, match="two columns are named `user_id`"):
            imported(frame)


@pytest.mark.parametrize("frame", ["data/films", 7, [1, 2], None.__class__])
def test_what_is_no_frame_is_refused(frame: Any) -> None:
    with pytest.raises(fp.UsageError, match="is no frame"):
        imported(frame)


def test_missing_ids_can_be_left_out_and_columns_renamed() -> None:
    frame = {"u": ["ann", None, "bob"], "item_id": ["1", "2", None]}
    made = imported(frame, columns={"user_id": "u"}, skip_missing=True)
    assert made.users() == ["ann"]


def test_a_lenient_import_counts_what_it_skips() -> None:
    frame = {"user_id": ["ann", "a\nb"], "item_id": ["1", "2"]}
    report = imported(frame, lenient=0.5).import_report()["report"]
    assert report["skipped"] == {"control_char": 1}


def test_all_five_frames() -> None:
    made = fp.import_frames(
        interactions={"user_id": [1, 1, 2], "item_id": [10, 20, 10], "split": ["train", "test", "train"]},
        triples={"head": ["e10", "e20"], "relation": ["by", "by"], "tail": ["p", "p"], "weight": [2.0, 0.5]},
        items={"item_id": [10, 20], "entity_id": ["e10", "e20"], "title": ["Ten", None]},
        entities={"entity_id": ["e10", "e20", "p"], "type": ["film", "film", "person"], "label": [None, None, "Pat"]},
        relations={"name": ["by"], "forward_label": ["is by"], "inverse_label": ["made"]},
    )
    assert made.summary()["num_test"] == 1
    rows = made.neighbours("item:10").to_dicts()
    assert {"node": "item:10", "relation": "by", "neighbour": "entity:p", "label": "Pat", "weight": 2.0} in rows
    assert made.schema()["relations"][1]["inverse"] == "made"


def test_folders_and_frames_are_the_same_graph_but_for_the_names_of_files() -> None:
    names = ("interactions", "items", "triples", "entities", "relations")
    frames = {name: polars.read_csv(FILMS / f"{name}.tsv", separator="\t") for name in names}
    frames["relations"] = frames["relations"].drop("relation_id")
    made, folder = fp.import_frames(**frames), fp.import_folder(FILMS)
    figures = [{key: value for key, value in kg.summary().items() if key != "hash"} for kg in (made, folder)]
    assert figures[0] == figures[1]
    assert made.facts().to_polars().equals(folder.facts().to_polars())
    assert made.nodes().to_polars().equals(folder.nodes().to_polars())


def test_outputs_are_not_replaced_unasked(tmp_path: Path) -> None:
    first = imported(out=tmp_path / "kg")
    with pytest.raises(fp.UsageError, match="already exists; give another `out`, or force=True"):
        imported(out=tmp_path / "kg")
    assert imported(out=tmp_path / "kg", force=True).hash == first.hash


def test_a_temporary_graph_goes_with_its_object() -> None:
    made = imported()
    path = Path(made.path)
    assert path.is_dir()
    del made
    assert not path.parent.exists()


BAD_OPTIONS: list[dict[str, Any]] = [
    {"split": "half"},
    {"ratios": (1, 2, 3)},
    {"lenient": 7},
    {"min_rating": "x"},
    {"x": 1},
]


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(fp.UsageError):
        imported(**{"split": "random", **options})


# What programs write for a missing id, of four characters at most: `skip_missing` leaves such records out.
MISSING = set("nan NaN NAN null NULL Null none None NONE nil NIL \\N N/A n/a NA <NA> #N/A #NA NaT - -- ? .".split())
ids = st.one_of(st.text(max_size=4).filter(lambda text: text.strip() not in MISSING), st.none())
pairs = st.lists(st.tuples(ids, ids), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pairs=pairs, large=st.booleans(), chunk=st.integers(1, 5))
def test_any_frame_makes_a_graph_or_an_error_with_words(
    pairs: list[tuple[str | None, str | None]], large: bool, chunk: int
) -> None:
    kind = pyarrow.large_string() if large else pyarrow.string()
    users, items = ([pair[at] for pair in pairs] for at in (0, 1))
    table = pyarrow.table({"user_id": pyarrow.array(users, kind), "item_id": pyarrow.array(items, kind)})
    try:
        made = imported(table.to_reader(max_chunksize=chunk), skip_missing=True)
    except fp.InputError as error:
        assert str(error)
        return
    there = {(user, item) for user, item in pairs if user is not None and item is not None}
    assert len(made.users()) == len({user.strip() for user, _ in there})
