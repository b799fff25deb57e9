"""A component for pipelines of LensKit: it scores items by the paths that lead to them, and says which.

Needs LensKit 2025.8 or later, which is not installed with Footpath.
"""

# Without torch or LensKit, pyright takes a module of this package for it.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from lenskit.data import Dataset, ItemList, QueryInput, RecQuery
from lenskit.pipeline import Component
from lenskit.training import Trainable, TrainingOptions

from ._errors import InputError, UsageError
from ._graphs import import_frames
from ._models import Model, Recommendations, train

__all__ = ["PathScorer", "PathScorerConfig"]

MAX_LIST = 1000
"""Most items that a list can have, and so most that are scored for one user."""
COLUMNS = ("head", "relation", "tail")
Rows = list[tuple[str, str, str]]


@dataclass
class PathScorerConfig:
    """What is known of the items, and how to learn from it.

    >>> PathScorerConfig(attributes=["genres"], preset="tiny").hops
    3
    """

    triples: str | None = None
    """A table with tabs and the columns head, relation and tail; items go by their ids."""
    attributes: Sequence[str] = ()
    """Attributes of the items in LensKit's data set that become facts: an item is related to each of its values."""
    preset: str = "small"
    hops: int = 3
    epochs: int = 1
    paths_per_user: int = 300
    linear: bool = True
    threads: int = 0


class PathScorer(Component[ItemList], Trainable):  # type: ignore[misc,unused-ignore]
    """Scores items for a user by the paths that lead from one to the other; an item to which none was found has no
    score (NaN). The field ``because`` of the list has the most probable path of each item as a sentence.

    Somebody who is not in the training data is served by the items of the query. The graph and the model lie in
    temporary directories that go with the component: a pickle of it is for other processes of the same run.

    >>> PathScorer(attributes=["genres"], preset="tiny").config.hops
    3
    """

    config: PathScorerConfig
    model: Model | None = None
    """What `train` made."""

    def is_trained(self) -> bool:
        """Whether `train` has made a model.

        >>> PathScorer(attributes=["genres"]).is_trained()
        False
        """
        return self.model is not None

    def train(self, data: Dataset, options: TrainingOptions | None = None) -> None:
        """Learns from all interactions of ``data``, and from the facts that the configuration names.

        >>> scorer = PathScorer(attributes=["genres"], preset="tiny", paths_per_user=10, linear=False)
        >>> scorer.train(clicks)
        >>> scorer.is_trained()
        True
        """
        options = TrainingOptions() if options is None else options
        if self.is_trained() and not options.retrain:
            return
        config = self.config
        items = [str(item) for item in data.items.ids()]
        seed = 1 if options.rng is None else int(options.random_generator().integers(1 << 31))
        kg = import_frames(
            interactions=_interactions(data),
            triples=_columns(_facts(config, data)),
            items={"item_id": items},
            join_by_id=True,
            split="none",
            seed=seed,
            threads=config.threads,
        )
        self.model = train(
            kg,
            preset=config.preset,  # type: ignore[arg-type]
            hops=config.hops,
            epochs=config.epochs,
            paths_per_user=config.paths_per_user,
            linear=config.linear,
            seed=seed,
            threads=config.threads,
        )
        self._known = frozenset(items)

    def __call__(self, query: QueryInput, items: ItemList) -> ItemList:
        """Scores these items for the user of a query."""
        scores = numpy.full(len(items), numpy.nan, dtype=numpy.float32)
        because = numpy.full(len(items), "", dtype=object)
        place = {str(item): number for number, item in enumerate(items.ids())}
        for row in self._found(RecQuery.create(query), [item for item in place if item in self._trained_on]) or ():
            number = place[row["item"]]
            scores[number], because[number] = row["score"], row["because"]
        return ItemList(items, scores=scores, because=because)

    @property
    def _trained_on(self) -> frozenset[str]:
        if self.model is None:
            raise UsageError("this PathScorer is not trained yet; train the pipeline first")
        return self._known

    def _found(self, query: RecQuery, candidates: list[str]) -> Recommendations | None:
        """A list of these items for the user of a query; none for somebody of whom nothing is known."""
        model = self.model
        if model is None or not candidates:
            return None
        # LensKit says which items are candidates, those that the user has chosen among them or not.
        options: dict[str, Any] = {
            "k": min(len(candidates), MAX_LIST),
            "only": candidates,
            "allow_seen": True,
            "threads": self.config.threads,
            "progress": False,
        }
        user = None if query.user_id is None else str(query.user_id)
        if user is not None:
            try:
                return model.recommend(users=[user], **options)
            except InputError:
                # Somebody new, or without a choice in train.
                pass
        own = [] if query.query_items is None else [str(item) for item in query.query_items.ids()]
        history = [item for item in own if item in self._known]
        return model.recommend(histories={user or "": history}, **options) if history else None


def _interactions(data: Dataset) -> Any:
    table = data.interaction_table(format="pandas", original_ids=True)
    # Ids may be of any type in LensKit.
    return table[["user_id", "item_id"]].astype(str)


def _facts(config: PathScorerConfig, data: Dataset) -> Rows:
    rows = [] if config.triples is None else _read(config.triples)
    for name in config.attributes:
        rows.extend(_values(name, data))
    if not rows:
        raise UsageError("nothing is known of the items: name a table of triples, or attributes of the data set")
    return rows


def _values(name: str, data: Dataset) -> Iterator[tuple[str, str, str]]:
    try:
        attribute = data.entities("item").attribute(name).drop_null()
    except KeyError:
        raise UsageError(f"attributes: the items of the data set have no attribute {name!r}") from None
    for item, values in zip(attribute.ids(), attribute.arrow().to_pylist()):
        for value in values if isinstance(values, list) else [values]:
            yield str(item), name, f"{name} {value}"


def _read(path: str) -> Rows:
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}: no column {', '.join(missing)} in its first line")
        return [(row["head"], row["relation"], row["tail"]) for row in reader]


def _columns(rows: Iterable[tuple[str, str, str]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(COLUMNS, zip(*rows))}
