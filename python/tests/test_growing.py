"""Graphs that grow, and attributes of items."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars
import pytest

import footpath as fp

TRIPLES = {"head": ["alien", "blade"], "relation": ["by", "by"], "tail": ["scott", "scott"]}
LOG = {"user_id": ["ann", "ben"], "item_id": ["alien", "blade"], "timestamp": [10, 11]}


def graph(out: Path | None = None) -> fp.Kg:
    return fp.import_frames(interactions=LOG, triples=TRIPLES, split="none", join_by_id=True, out=out)


def test_frames_are_added_as_if_all_were_imported_together(tmp_path: Path) -> None:
    base = graph(tmp_path / "base")
    more_facts = {"head": ["jaws", "alien"], "relation": ["by", "starring"], "tail": ["spielberg", "weaver"]}
    more_log = {"user_id": ["cleo"], "item_id": ["jaws"], "timestamp": [12]}
    grown = fp.import_frames(onto=base, triples=more_facts, interactions=more_log)
    both = {name: [*TRIPLES[name], *more_facts[name]] for name in TRIPLES}
    log = {name: [*LOG[name], *more_log[name]] for name in LOG}
    together = fp.import_frames(interactions=log, triples=both, split="none", join_by_id=True)
    # Only the frames that the facts came from are others.
    for figure in ("num_train", "num_triples", "entities", "relations", "degrees"):
        assert grown.summary()[figure] == together.summary()[figure], figure
    assert grown.items() == together.items() == ["alien", "blade", "jaws"]
    assert grown.users() == ["ann", "ben", "cleo"]
    assert {row["neighbour"] for row in grown.neighbours("item:alien")} >= {"entity:scott", "entity:weaver"}


def test_files_are_added_and_taken_back(tmp_path: Path) -> None:
    base = graph(tmp_path / "base")
    gone = tmp_path / "gone.csv"
    gone.write_text("user_id,item_id\nben,blade\n")
    prices = tmp_path / "prices.csv"
    prices.write_text("item_id,price\nalien,12.5\n")
    grown = fp.import_folder(None, tmp_path / "grown", onto=base, removed=[gone], attributes=prices)
    assert grown.users() == ["ann"]
    assert grown.summary()["attributes"] == [{"name": "price", "kind": "number", "num_items": 1}]
    gone.write_text("user_id,item_id\nben,alien\n")
    with pytest.raises(fp.InputError, match="not_there"):
        fp.import_folder(None, tmp_path / "other", onto=base, removed=[gone])


def test_attributes_come_from_frames_of_any_type() -> None:
    known = polars.DataFrame(
        {
            "item_id": ["alien", "blade"],
            "price": [9.5, None],
            "stock": [3, 0],
            "new": [False, True],
            "released": [date(1979, 5, 25), date(1982, 6, 25)],
        }
    )
    kg = fp.import_frames(interactions=LOG, triples=TRIPLES, split="none", attributes=known)
    kinds = {attribute["name"]: (attribute["kind"], attribute["num_items"]) for attribute in kg.summary()["attributes"]}
    assert kinds == {"new": ("boolean", 2), "price": ("number", 1), "released": ("date", 2), "stock": ("number", 2)}
    wrong = polars.DataFrame({"item_id": ["alien", "blade"], "price": ["9.5", "dear"]})
    with pytest.raises(fp.InputError, match="attribute"):
        fp.import_frames(interactions=LOG, triples=TRIPLES, split="none", attributes=wrong)


def test_a_graph_needs_facts_or_a_graph() -> None:
    with pytest.raises(fp.UsageError, match="triples"):
        fp.import_frames(interactions=LOG)
