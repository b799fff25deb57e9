"""Frames that are larger than they look, that change while they are read, and that fail in the middle."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import footpath as fp

TRIPLES = {"head": ["1", "2"], "relation": ["by", "by"], "tail": ["x", "x"]}
GIGABYTES_2 = 1 << 31


def imported(interactions: Any, **options: Any) -> fp.Kg:
    return fp.import_frames(interactions=interactions, triples=TRIPLES, **{"split": "none", **options})


def far_strings(ends: list[int], written: bytes, at: int) -> pyarrow.Array:
    """Large strings whose bytes begin 2 GiB into a buffer of which only `written` was ever touched."""
    room = mmap.mmap(-1, at + len(written), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    room[at : at + len(written)] = written
    offsets = pyarrow.py_buffer(numpy.array(ends, dtype=numpy.int64).tobytes())
    return pyarrow.LargeStringArray.from_buffers(len(ends) - 1, offsets, pyarrow.py_buffer(room))


def test_strings_beyond_two_gibibytes_are_read() -> None:
    at = GIGABYTES_2 + 5
    users = far_strings([at, at + 3, at + 6], b"annbob", at)
    made = imported(pyarrow.table({"user_id": users, "item_id": ["1", "2"]}))
    assert made.users() == ["ann", "bob"]


def test_a_string_of_two_gibibytes_is_refused_in_few_words() -> None:
    users = far_strings([0, GIGABYTES_2], b"", GIGABYTES_2)
    with pytest.raises(fp.InputError) as raised:
        imported(pyarrow.table({"user_id": users, "item_id": ["1"]}))
    assert "row 1" in str(raised.value) or "interactions:1" in str(raised.value)
    assert len(str(raised.value)) < 4096


def test_numbers_that_change_while_they_are_read_make_a_graph_or_an_error(tmp_path: Path) -> None:
    """The frame is not copied, so what is read may be old or new. It must not be anything else."""
    rows = 200_000
    users, items = numpy.zeros(rows, dtype=numpy.int64), numpy.arange(rows, dtype=numpy.int64) % 50
    done = threading.Event()

    def change() -> None:
        draw = numpy.random.default_rng(1)
        while not done.is_set():
            users[:] = draw.integers(0, 1000, rows)
            items[:] = draw.integers(0, 50, rows)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        frame = pyarrow.table({"user_id": pyarrow.array(users), "item_id": pyarrow.array(items)})
        for number in range(5):
            made = imported(frame, out=tmp_path / f"kg-{number}")
            assert set(made.users()) <= {str(user) for user in range(1000)}
            assert {"1", "2"} <= set(made.items()) <= {str(item) for item in range(50)}
            assert fp.Kg(made.path).hash == made.hash
    finally:
        done.set()
        thread.join()


def stream(batches: list[Any]) -> pyarrow.RecordBatchReader:
    """A stream of batches, in which an exception stands for itself."""
    schema = pyarrow.schema([("user_id", pyarrow.string()), ("item_id", pyarrow.string())])

    def made() -> Iterator[pyarrow.RecordBatch]:
        for batch in batches:
            if isinstance(batch, Exception):
                raise batch
            yield pyarrow.RecordBatch.from_pydict(batch)

    return pyarrow.RecordBatchReader.from_batches(schema, made())


GOOD = {"user_id": ["ann"], "item_id": ["1"]}
BROKEN = {
    "raises at once": [RuntimeError("the disk is gone")],
    "raises later": [GOOD, RuntimeError("the disk is gone")],
    "fewer columns later": [GOOD, {"user_id": ["bob"]}],
    "other types later": [GOOD, {"user_id": [7], "item_id": [2]}],
}


@pytest.mark.parametrize("case", BROKEN)
def test_streams_that_break_leave_nothing(case: str, tmp_path: Path) -> None:
    with pytest.raises(fp.InputError, match="interactions: "):
        imported(stream(BROKEN[case]), out=tmp_path / "kg")
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_was_read_is_not_read_again() -> None:
    once = stream([GOOD])
    imported(once)
    with pytest.raises((fp.Error, pyarrow.ArrowInvalid, ValueError)):
        imported(once)


def test_what_is_no_stream_behind_the_method_is_refused() -> None:
    class Liar:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return "not a capsule"

    class Angry:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise KeyError("no")

    with pytest.raises(fp.UsageError, match="gave no capsule"):
        imported(Liar())
    with pytest.raises(KeyError):
        imported(Angry())


names = st.sampled_from(["user", "item", "rank", "score", "nodes", "relations", "other"])
numbers = st.one_of(st.integers(-3, 3), st.floats(), st.booleans())
values = st.one_of(st.text(max_size=3), numbers, st.none(), st.binary(max_size=2))
frames = st.dictionaries(names, st.lists(values, max_size=4))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=frames)
def test_any_lists_are_judged_or_refused_with_words(frame: dict[str, list[Any]], films: fp.Kg) -> None:
    try:
        report = fp.evaluate(films, frame)
    except (fp.InputError, fp.UsageError) as error:
        assert str(error)
    else:
        assert 0.0 <= report["ndcg@10"] <= 1.0


facts = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3), st.text(max_size=3), st.floats()), max_size=8)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(facts=facts)
def test_any_triples_make_a_graph_or_an_error_with_words(facts: list[tuple[str, str, str, float]]) -> None:
    columns = dict(zip(("head", "relation", "tail", "weight"), (list(column) for column in zip(*facts))))
    try:
        made = fp.import_frames(interactions=GOOD, triples=columns, split="none")
    except fp.InputError as error:
        assert str(error)
    else:
        assert made.summary()["num_triples"] <= len(facts)
