"""Training, recommending, explaining, judging."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest

import footpath as fp

COLUMNS = ["user", "rank", "item", "label", "score", "confidence", "because", "nodes", "relations"]


def test_recommendations_are_a_frame_of_any_library(tiny: fp.Model) -> None:
    found = tiny.recommend(users=["user-001", "user-002"], k=4)
    assert found.columns == COLUMNS and len(found) == 8 and found.num_users == 2
    frame = found.to_polars()
    assert frame["rank"].to_list() == [1, 2, 3, 4] * 2
    assert found.to_pandas()["because"].tolist() == frame["because"].to_list()
    assert pyarrow.table(found).num_rows == 8
    assert polars.DataFrame(found).equals(frame)
    assert found[-1] == found.to_dicts()[-1]
    assert frame["nodes"].list.last().to_list() == [f"item:{item}" for item in frame["item"]]


def test_all_users_and_one(tiny: fp.Model) -> None:
    everybody = tiny.recommend(k=2).to_polars()
    one = tiny.recommend("user-007", k=2).to_polars()
    assert everybody["user"].n_unique() == 480
    same = everybody.filter(polars.col("user") == "user-007")
    assert same.drop("score", "confidence").equals(one.drop("score", "confidence"))
    assert same["score"].to_list() == pytest.approx(one["score"].to_list(), abs=1e-4)


def test_people_the_graph_does_not_know(tiny: fp.Model) -> None:
    found = tiny.recommend(histories={"me": ["alien-1979", "heat-1995"], 7: ["alien-1979"]}, k=3).to_polars()
    assert found["user"].unique(maintain_order=True).to_list() == ["me", "7"]
    assert "alien-1979" not in found["item"].to_list()
    with pytest.raises(fp.InputError, match="the history of me.*no item nothing"):
        tiny.recommend(histories={"me": ["nothing"]})
    with pytest.raises(fp.InputError, match="it has no item"):
        tiny.recommend(histories={"me": []})
    with pytest.raises(fp.UsageError, match="give users or histories"):
        tiny.recommend(users=["user-001"], histories={"me": ["alien-1979"]})


def test_lists_have_the_proofs(tiny: fp.Model) -> None:
    (found,) = tiny.recommend("user-001", k=2, paths=3).lists()
    assert [item["rank"] for item in found["items"]] == [1, 2]
    facts = found["items"][0]["triples"]
    assert all(fact["file"].endswith(".tsv") and fact["line"] > 0 for fact in facts)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k"),
        ({"mode": "magic"}, "mode"),
        ({"score": "worst"}, "score"),
        ({"optimise": {"lir": 2.0}}, "at most 1"),
        ({"optimise": {"novelty": 0.1}}, "novelty"),
        ({"linear": 1.0}, "linear"),
        ({"k": 2**70}, "options"),
    ],
)
def test_bad_options_of_a_search(tiny: fp.Model, options: dict[str, Any], words: str) -> None:
    with pytest.raises(fp.UsageError) as raised:
        tiny.recommend("user-001", **options)
    assert words in str(raised.value)


def test_lists_are_filled_with_what_may_be_in_them(tiny: fp.Model) -> None:
    def items(**rules: Any) -> list[str]:
        (found,) = tiny.recommend(users="user-001", k=5, **rules).lists()
        return [item["item"] for item in found["items"]]

    free = items()
    without = items(exclude=free[:2])
    assert len(without) == 5 and not set(without) & set(free[:2])
    assert items(only=reversed(free[1:4])) == free[1:4]
    assert items(only=free, exclude=free) == []
    chosen = tiny.explain("user-001", free[0]).paths[0].nodes[1].removeprefix("item:")
    assert items(only=[chosen]) == [] and items(only=[chosen], allow_seen=True) == [chosen]
    with pytest.raises(fp.InputError, match="no-such-film"):
        items(exclude=["no-such-film"])


def test_weights_of_the_parts_are_heeded(tiny: fp.Model) -> None:
    def items(**weights: float) -> list[str]:
        (found,) = tiny.recommend(users="user-001", k=5, **weights).lists()
        return [item["item"] for item in found["items"]]

    for part in ["popularity", "path_count"]:
        assert items(**{part: 50.0}) != items(**{part: 0.0})


def test_what_becomes_of_an_item_without_its_reason(tiny: fp.Model) -> None:
    (found,) = tiny.recommend(users="user-001", k=1).lists()
    item = found["items"][0]["item"]
    assert "without" not in tiny.explain("user-001", item)
    why = tiny.explain("user-001", item, without=True)
    begins_with = why.paths[0].nodes[1].removeprefix("item:")
    assert why["without"]["place"] == 1 and why["without"]["without"]["choice"] == begins_with
    named = tiny.explain("user-001", item, without=begins_with)
    assert named["without"]["without"] == why["without"]["without"]


def test_reasons(tiny: fp.Model) -> None:
    why = tiny.explain("user-001", "alien-1979", paths=2)
    assert len(why.paths) == 2
    assert why.paths[0].nodes[0] == "user:user-001" and why.paths[0].nodes[-1] == "item:alien-1979"
    guest = tiny.explain("me", "alien-1979", history=["blade-runner-1982"])
    assert guest.paths[0].nodes[0] == "user:me"
    with pytest.raises(fp.InputError, match="unknown_item"):
        tiny.explain("user-001", "nothing")


def test_reasons_are_true(tiny: fp.Model, films: fp.Kg) -> None:
    found = tiny.recommend(k=3)
    report = fp.verify(found, films)
    assert report.ok and report["items"] == 480 * 3 and report["sources"] > 0
    assert fp.verify(found.to_polars(), films).ok
    assert fp.verify(found.to_pandas(), films).ok
    lie = found.to_polars().with_columns(relations=polars.Series([["interacted"] * 3] * len(found)))
    told = fp.verify(lie, films)
    assert not told.ok and "not in the graph" in told["findings"][0]["what"]


def test_a_model_and_its_lists_are_judged_alike(tiny: fp.Model, films: fp.Kg) -> None:
    ours = fp.evaluate(films, tiny, k=10)
    lists = fp.evaluate(films, tiny.recommend(k=40), k=10)
    assert ours["ndcg@10"] == pytest.approx(lists["ndcg@10"])
    assert ours["faithful"] == 1.0 and ours["card"]["tool"].startswith("footpath ")
    frame = ours.to_polars()
    assert frame["name"].to_list() == ["subject"] and "ndcg@10_low" in frame.columns


def test_an_evaluation_asks_whether_reasons_are_the_reasons(tiny: fp.Model, films: fp.Kg, tmp_path: Path) -> None:
    groups = tmp_path / "groups.tsv"
    users = films.users()
    groups.write_text("user_id\tgroup\n" + "".join(f"{user}\t{'ab'[n % 2]}\n" for n, user in enumerate(users)))
    dislikes = tmp_path / "dislikes.tsv"
    dislikes.write_text(f"user_id\titem_id\n{users[0]}\talien-1979\n")
    judged = fp.evaluate(
        films,
        tiny,
        beams=30,
        counterfactual=True,
        dislikes=dislikes,
        user_groups=str(groups),
        baselines=["popularity", "ease"],
    )
    assert judged["reasons"]["counterfactual"]["num_items_of_a_list"] > 0
    assert judged["reasons"]["preference"]["disliked"] is not None
    assert set(judged["user_groups"]) == {"a", "b"}
    assert set(judged["baselines"]) == {"popularity", "ease"}
    with pytest.raises(fp.UsageError, match="no-such-baseline"):
        fp.evaluate(films, tiny, baselines=["no-such-baseline"])


def test_lists_of_anybody(films: fp.Kg) -> None:
    users = films.users()
    lists = {"user": users * 2, "item": ["alien-1979"] * len(users) + ["heat-1995"] * len(users)}
    report = fp.evaluate(films, lists, k=5, baselines="quick")
    names = [row["name"] for row in report.rows()]
    assert names[0] == "subject" and "popularity" in names
    assert isinstance(report.to_pandas(), pandas.DataFrame)
    shuffled = polars.DataFrame({
        "user": lists["user"],
        "item": lists["item"],
        "rank": [1] * len(users) + [2] * len(users),
    }).sample(fraction=1.0, shuffle=True, seed=3)
    assert fp.evaluate(films, shuffled, k=5)["ndcg@5"] == report["ndcg@5"]
    assert fp.audit(films, shuffled).ok


NOTHING = pyarrow.array([], pyarrow.string())
BAD_LISTS = {
    "unknown user": ({"user": ["nobody"], "item": ["alien-1979"]}, "unknown_user"),
    "unknown item": ({"user": ["user-001"], "item": ["nothing"]}, "unknown_item"),
    "twice": ({"user": ["user-001"] * 2, "item": ["alien-1979"] * 2}, "duplicate_item"),
    "gap": ({"user": ["user-001"], "item": ["alien-1979"], "rank": [2]}, "rank_order"),
    "nan": ({"user": ["user-001"], "item": ["alien-1979"], "score": [float("nan")]}, "row 1: `score` is null"),
    "infinite": ({"user": ["user-001"], "item": ["alien-1979"], "score": [float("inf")]}, "finite"),
    "null": ({"user": [None], "item": ["alien-1979"]}, "row 1: `user` is null"),
    "no user": ({"item": ["alien-1979"]}, "no column `user`"),
    "empty": ({"user": NOTHING, "item": NOTHING}, "empty"),
    "half a rank": ({"user": ["user-001"], "item": ["alien-1979"], "rank": [0.5]}, "is no rank"),
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_bad_lists_are_refused(films: fp.Kg, case: str) -> None:
    lists, words = BAD_LISTS[case]
    for judge in (lambda: fp.evaluate(films, lists), lambda: fp.audit(films, lists)):
        with pytest.raises(fp.InputError) as raised:
            judge()
        assert words in str(raised.value)


def test_bad_rows_can_be_left_out(films: fp.Kg) -> None:
    lists = {"user": ["user-001", "nobody"], "item": ["alien-1979", "alien-1979"]}
    assert fp.evaluate(films, lists, lenient=True)["card"]["excluded"]["rows"] == {"unknown_user": 1}


def test_an_evaluation_is_published(films: fp.Kg, tmp_path: Path) -> None:
    lists = {"user": ["user-001"], "item": ["alien-1979"]}
    fp.evaluate(films, lists, out=tmp_path / "evaluation")
    assert json.loads((tmp_path / "evaluation" / "report.json").read_text())["card"]["k"] == 10


def test_every_setting_is_a_keyword(films: fp.Kg, tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = []
    model = fp.train(
        films,
        out=tmp_path / "model",
        preset="tiny",
        epochs=1,
        hops=2,
        paths_per_user=4,
        learning_rate=1e-3,
        softmax="typed",
        objective=[{"kind": "causal"}, {"kind": "masked", "weight": 0.5, "rate": 0.2}],
        relation_weights={"directed_by": 2.0},
        architecture="llama",
        seed=5,
        linear=False,
        on_step=steps.append,
    )
    training = model.card["training"]
    assert (training["paths_per_user"], training["softmax"], training["seed"]) == (4, "typed", 5)
    assert steps[0]["event"] == "start" and steps[-1]["event"] == "step" and steps[-1]["loss"] > 0
    with pytest.raises(fp.UsageError, match="lerning_rate: no such setting; there are preset"):
        fp.train(films, lerning_rate=1.0)
    with pytest.raises(fp.UsageError, match="epochs: "):
        fp.train(films, epochs=0)
    with pytest.raises(fp.UsageError, match="preset"):
        fp.train(films, preset="huge")  # type: ignore[arg-type]
    with pytest.raises(fp.UsageError, match="already exists"):
        fp.train(films, out=tmp_path / "model")


def test_models_go_to_hugging_face_and_come_back(tiny: fp.Model, films: fp.Kg, tmp_path: Path) -> None:
    written = tiny.to_huggingface(tmp_path / "hf")
    assert written["architecture"] == "gpt2"
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["model_type"] == "gpt2"
    back = fp.Model.from_huggingface(tmp_path / "hf", films)
    assert len(back.recommend("user-001", k=5)) == 5


def test_a_model_of_another_graph_is_an_artefact_error(tiny: fp.Model) -> None:
    other = fp.import_frames(
        interactions={"user_id": ["a"], "item_id": ["1"]},
        triples={"head": ["1"], "relation": ["by"], "tail": ["x"]},
        split="none",
    )
    with pytest.raises(fp.ArtefactError, match="made from kg"):
        fp.Model(tiny.path, other)
    with pytest.raises(fp.ArtefactError, match="not a Footpath model"):
        fp.Model(other.path, other)
    with pytest.raises(fp.ArtefactError, match="not a Footpath kg"):
        fp.Kg(tiny.path)


def test_a_search_finds_settings(films: fp.Kg) -> None:
    space = {
        "method": "random",
        "trials": 2,
        "train": {"preset": "tiny", "paths_per_user": 4, "validations_per_epoch": 1},
        "space": {"learning_rate": {"log": [1e-4, 1e-2]}},
    }
    events: list[dict[str, Any]] = []
    found = fp.tune(space, films, on_event=events.append)
    assert len(found["trials"]) == 2 and found.model is not None
    assert len(found.model.recommend("user-001", k=2)) == 2
    assert [event["event"] for event in events if event["event"] in ("begin", "done")] == ["begin", "done", "done"]
    with pytest.raises(fp.UsageError, match="lerning_rate"):
        fp.tune({"space": {"lerning_rate": {"log": [1e-4, 1e-2]}}}, films)


def test_the_estimator(films: fp.Kg) -> None:
    from footpath.estimator import PathRecommender

    estimator = PathRecommender(preset="tiny", paths_per_user=4, linear=False)
    assert PathRecommender(**estimator.get_params()).get_params() == estimator.get_params()
    try:
        from sklearn.base import clone
    except ImportError:
        pass
    else:
        assert clone(estimator).get_params() == estimator.get_params()
    with pytest.raises(ValueError, match="not fitted"):
        estimator.recommend(["user-001"])
    with pytest.raises(ValueError, match="no such parameter"):
        estimator.set_params(depth=3)
    assert estimator.fit(None, films) is estimator  # type: ignore[arg-type]
    assert len(estimator.recommend(["user-001"], k=3)) == 3
    assert 0.0 <= estimator.evaluate()["ndcg@10"] <= 1.0


def test_the_estimator_takes_frames() -> None:
    from footpath.estimator import PathRecommender

    chosen = {"user_id": [1, 1, 2, 2], "item_id": ["a", "b", "a", "c"]}
    triples = {"head": ["a", "b", "c", "d"], "relation": ["by"] * 4, "tail": ["x", "x", "y", "x"]}
    items = {"item_id": ["a", "b", "c", "d"]}
    estimator = PathRecommender(preset="tiny", paths_per_user=4, linear=False, split="none")
    assert len(estimator.fit(chosen, triples).recommend([1], k=2)) > 0
    assert "d" in estimator.fit(chosen, {"triples": triples, "items": items}).recommend([1], k=2).to_polars()["item"]
