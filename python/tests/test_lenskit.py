"""The component for LensKit, in a pipeline of LensKit."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

import footpath as fp

pytest.importorskip("lenskit")

from lenskit.data import DatasetBuilder, ItemList, RecQuery  # noqa: E402
from lenskit.pipeline import topn_pipeline  # noqa: E402

GENRES = {10: ["western"], 20: ["western"], 30: ["western", "comedy"], 40: ["comedy"], 50: ["comedy"], 60: ["drama"]}
CHOSEN = {1: [10, 20], 2: [40, 50], 3: [10, 60], 4: [40, 30], 5: [20, 10], 6: [50, 40]}
SMALL: dict[str, Any] = {"preset": "tiny", "paths_per_user": 1000, "linear": False, "threads": 1}


def data() -> Any:
    rows = [(user, item) for user, items in CHOSEN.items() for item in items]
    builder = DatasetBuilder()
    builder.add_entities("item", list(GENRES))
    builder.add_interactions(
        "click", pandas.DataFrame(rows, columns=["user_id", "item_id"]), entities=["user", "item"], missing="insert"
    )
    builder.add_list_attribute("item", "genres", list(GENRES), list(GENRES.values()))
    return builder.build()


def trained(**options: Any) -> Any:
    pipeline = topn_pipeline(fp.lenskit.PathScorer(**{**SMALL, "attributes": ["genres"], **options}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.train(data())
    return pipeline


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return trained()


def recommended(pipeline: Any, query: Any, n: int = 3) -> Any:
    return pipeline.run("recommender", query=query, n=n)


def test_a_pipeline_recommends_what_paths_lead_to(pipeline: Any) -> None:
    scorer = pipeline.component("scorer") if hasattr(pipeline, "component") else pipeline.node("scorer").component
    assert scorer.is_trained()
    found = recommended(pipeline, 1)
    # User 1 chose two westerns: the one film left that shares a genre with them comes first.
    assert found.ids()[0] == 30
    assert not set(found.ids()) & set(CHOSEN[1]), "what was chosen is no candidate"
    assert "western" in found.field("because")[0]
    assert (numpy.diff(found.scores()) <= 0).all()


def test_items_without_a_path_have_no_score(pipeline: Any) -> None:
    scored = pipeline.run("scorer", query=1, items=ItemList(item_ids=[30, 60, 999]))
    scores = scored.scores()
    assert scored.ids().tolist() == [30, 60, 999]
    assert numpy.isfinite(scores[0]) and numpy.isnan(scores[2])


def test_somebody_new_is_served_by_their_history(pipeline: Any) -> None:
    found = recommended(pipeline, RecQuery(user_id=77, **history(ItemList(item_ids=[40]))))
    assert set(found.ids()) & {30, 50}
    assert len(recommended(pipeline, 77)) == 0, "nothing is known of them"


def history(items: Any) -> dict[str, Any]:
    """The history of a query, whose name has changed between versions."""
    names = RecQuery.__dataclass_fields__
    return {"history_items" if "history_items" in names else "user_items": items}


def test_it_is_the_same_in_another_process(pipeline: Any) -> None:
    scorer = fp.lenskit.PathScorer(**SMALL, attributes=["genres"])
    scorer.train(data())
    again = pickle.loads(pickle.dumps(scorer))
    items = ItemList(item_ids=[30, 60])
    assert again(1, items).scores().tolist() == scorer(1, items).scores().tolist()


def test_a_table_of_triples_is_read(tmp_path: Path) -> None:
    table = tmp_path / "triples.tsv"
    lines = [f"{item}\tgenre\t{genre}" for item, genres in GENRES.items() for genre in genres]
    table.write_text("head\trelation\ttail\n" + "\n".join(lines) + "\n")
    assert recommended(trained(attributes=[], triples=str(table)), 1).ids()[0] == 30
    table.write_text("head\ttail\n1\t2\n")
    with pytest.raises(fp.InputError, match="no column relation"):
        trained(attributes=[], triples=str(table))


def test_settings_are_settings_of_lenskit() -> None:
    scorer = fp.lenskit.PathScorer(**SMALL, attributes=["genres"])
    again = fp.lenskit.PathScorer(fp.lenskit.PathScorer.validate_config(scorer.dump_config()))
    assert again.dump_config() == scorer.dump_config()
    with pytest.raises(fp.UsageError, match="not trained"):
        scorer(1, ItemList(item_ids=[30]))
    with pytest.raises(fp.UsageError, match="nothing is known of the items"):
        fp.lenskit.PathScorer(**SMALL).train(data())
    with pytest.raises(fp.UsageError, match="no attribute 'color'"):
        fp.lenskit.PathScorer(**SMALL, attributes=["color"]).train(data())
