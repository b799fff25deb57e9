"""Judging: how good recommendations are, whether their reasons are true, and whether anything leaked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _native, _views
from ._errors import UsageError
from ._graphs import Kg
from ._models import Model, Recommendations
from ._progress import DEVICE, ProgressOption, Watched
from ._reports import Audit, Report, Verification
from ._shapes import PathLike
from ._tables import Frame, Table, stream_of

if TYPE_CHECKING:
    import pandas
    import polars

Baselines = Literal["quick", "tuned"]


class Evaluation(Report):
    """Figures with their intervals, beside the baselines; a notebook shows a table with a plot of the intervals.

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> report = fp.evaluate(kg, {"user": kg.users(), "item": ["alien-1979"] * 480}, k=10)
    >>> report["card"]["k"], 0.0 <= report["ndcg@10"] <= 1.0
    (10, True)
    """

    @classmethod
    def parsed(cls, text: str) -> Evaluation:
        """The report that JSON says.

        >>> import footpath as fp
        >>> fp.Evaluation.parsed('{"on": "test", "card": {"k": 5}, "ndcg@5": 0.25}')
        <Evaluation on test: ndcg@5 0.2500>
        """
        return cls(json.loads(text))

    @property
    def _ndcg(self) -> str:
        return f"ndcg@{self['card']['k']}"

    def rows(self) -> list[dict[str, Any]]:
        """A row for the subject and for each baseline, the best first: name, setting, and each metric with the ends of
        its 95 % interval (``ndcg@10``, ``ndcg@10_low``, ``ndcg@10_high``).

        >>> import footpath as fp
        >>> kg = fp.Kg(films)
        >>> lists = {"user": kg.users(), "item": ["alien-1979"] * 480}
        >>> rows = fp.evaluate(kg, lists, baselines=["popularity"]).rows()
        >>> sorted(row["name"] for row in rows)
        ['popularity', 'subject']
        >>> rows[1]["ndcg@10_low"] <= rows[1]["ndcg@10"] <= rows[1]["ndcg@10_high"]
        True
        """
        ranked_by = self._ndcg
        named = sorted(self.get("baselines", {}).items(), key=lambda entry: -float(entry[1][ranked_by]))
        return [_row("subject", self), *(_row(name, figures) for name, figures in named)]

    def to_polars(self) -> polars.DataFrame:
        """The rows as a frame of polars.

        >>> import footpath as fp
        >>> kg = fp.Kg(films)
        >>> fp.evaluate(kg, {"user": kg.users(), "item": ["alien-1979"] * 480}).to_polars().height
        1
        """
        import polars

        return polars.DataFrame(self.rows())

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a frame of pandas.

        >>> import footpath as fp
        >>> kg = fp.Kg(films)
        >>> len(fp.evaluate(kg, {"user": kg.users(), "item": ["alien-1979"] * 480}).to_pandas())
        1
        """
        import pandas

        return pandas.DataFrame(self.rows())

    def __repr__(self) -> str:
        return f"<Evaluation on {self['on']}: {self._ndcg} {self[self._ndcg]:.4f}>"

    def _repr_html_(self) -> str:
        return _views.evaluation(self.rows(), self._ndcg)


def _row(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "setting": figures.get("setting", "")}
    for metric, (low, high) in sorted(figures["intervals"].items()):
        row |= {metric: figures[metric], f"{metric}_low": low, f"{metric}_high": high}
    return row


def evaluate(
    kg: Kg,
    subject: Model | Recommendations | Frame,
    k: int = 10,
    *,
    on: Literal["test", "valid"] = "test",
    baselines: Baselines | Sequence[str] | bool | None = None,
    beams: int | None = None,
    direct: float | None = None,
    linear: float | None = None,
    fading: float | None = None,
    popularity: float | None = None,
    path_count: float | None = None,
    recency: float | None = None,
    optimise: Mapping[str, float] | None = None,
    random_paths: bool = False,
    counterfactual: bool = False,
    dislikes: PathLike | None = None,
    user_groups: str | None = None,
    item_groups: str | None = None,
    against: PathLike | None = None,
    lenient: bool = False,
    out: PathLike | None = None,
    force: bool = False,
    seed: int = 1,
    device: str = DEVICE,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Evaluation:
    """Evaluates a model, or anybody's lists, on held-out interactions: full ranking over all items that the user has
    not chosen; users without a list count as zero.

    A frame of lists has the columns ``user`` and ``item``; without ``rank`` the rows of a user are in the order of the
    list. ``baselines="quick"`` (or ``True``) puts the quick ones beside it, ``"tuned"`` all, each tuned on valid, a
    list of names those.

    ``counterfactual=True`` says how far items fall when what their reasons begin with is taken away, beside taking
    another choice. ``dislikes`` is a table with ``user_id`` and ``item_id``; ``user_groups`` and ``item_groups`` are
    tables, ``FILE`` or ``FILE:COLUMN``, of groups to give figures of.

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> popular = {"user": kg.users(), "item": ["alien-1979"] * 480}
    >>> fp.evaluate(kg, popular, k=10)["on"]
    'test'
    """
    asked = json.dumps({
        "on": on,
        "k": k,
        "beams": beams,
        "direct": direct,
        "linear": linear,
        "fading": fading,
        "popularity": popularity,
        "path_count": path_count,
        "recency": recency,
        "optimise": None if optimise is None else {"lir": 0.0, "sep": 0.0, "ptd": 0.0, **optimise},
        "random_paths": random_paths,
        "counterfactual": counterfactual,
        "dislikes": None if dislikes is None else os.fspath(dislikes),
        "user_groups": user_groups,
        "item_groups": item_groups,
        "baselines": _baselines(baselines),
        "seed": seed,
        "against": None if against is None else os.fspath(against),
        "lenient": lenient,
        "out": None if out is None else os.fspath(out),
        "force": force,
    })
    if isinstance(subject, Model):
        path, frame = subject.path, None
    else:
        path, frame = None, stream_of("lists", subject)
    with Watched(threads, progress, device) as call:
        return Evaluation.parsed(_native.evaluate(kg.native, path, frame, asked, call))


def judged(
    kg: Kg,
    model: Model,
    part: tuple[int, int],
    k: int = 10,
    *,
    on: Literal["test", "valid"] = "test",
    beams: int | None = None,
    direct: float | None = None,
    linear: float | None = None,
    fading: float | None = None,
    popularity: float | None = None,
    path_count: float | None = None,
    recency: float | None = None,
    optimise: Mapping[str, float] | None = None,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Table:
    """The lists that `evaluate` judges a model by, of the users with numbers in ``part``: user, rank, item, score. The
    lists of all parts, evaluated as a frame, have the same figures of ranking as the model."""
    asked = json.dumps({
        "on": on,
        "k": k,
        "beams": beams,
        "direct": direct,
        "linear": linear,
        "fading": fading,
        "popularity": popularity,
        "path_count": path_count,
        "recency": recency,
        "optimise": None if optimise is None else {"lir": 0.0, "sep": 0.0, "ptd": 0.0, **optimise},
        "random_paths": False,
        "counterfactual": False,
        "dislikes": None,
        "user_groups": None,
        "item_groups": None,
        "baselines": None,
        "seed": 1,
        "against": None,
        "lenient": False,
        "out": None,
        "force": False,
    })
    with Watched(threads, progress) as call:
        return Table(model.native.judged(kg.native, part, asked, call))


def _baselines(asked: str | Sequence[str] | bool | None) -> str | dict[str, list[str]] | None:
    if asked is None or asked is False:
        return None
    if asked is True:
        return "quick"
    return asked if isinstance(asked, str) else {"named": list(asked)}


def verify(
    recommended: Recommendations | Frame, kg: Kg, *, threads: int = 0, progress: ProgressOption = None
) -> Verification:
    """Checks every path of recommendations against the graph alone, without the model that made them. A frame needs the
    columns user, item, rank, score, nodes and relations.

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> fp.verify(fp.Model(tiny, kg).recommend(users=["user-001"]), kg).ok
    True
    """
    lists, frame = None, None
    if isinstance(recommended, Recommendations):
        lists = recommended.native
    else:
        frame = stream_of("lists", recommended)
    with Watched(threads, progress) as call:
        return Verification.parsed(_native.verify(kg.native, lists, frame, call))


def audit(
    kg: Kg,
    lists: Recommendations | Frame | None = None,
    *,
    corpus: PathLike | None = None,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Audit:
    """Looks for leaks in the split of a graph, in a corpus drawn from it, and in lists: on labels drawn at random they
    must reach chance and no more.

    >>> import footpath as fp
    >>> fp.audit(fp.Kg(films)).ok
    True
    """
    if lists is not None and corpus is not None:
        raise UsageError("give lists or a corpus")
    frame = None if lists is None else stream_of("lists", lists)
    with Watched(threads, progress) as call:
        text, wrong = _native.audit(kg.native, frame, None if corpus is None else os.fspath(corpus), call)
    found = Audit(json.loads(text))
    found.first_wrong = wrong
    return found


class Replay(Report):
    """Models compared on what users did next: ``systems`` with their means and 95 % intervals, ``against_first``.

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> found = fp.replay(kg, [fp.Model(tiny, kg)], {"user": ["user-001"], "item": ["gladiator-2000"]})
    >>> len(found["systems"])
    2
    """

    @classmethod
    def parsed(cls, text: str) -> Replay:
        """The report that JSON says.

        >>> import footpath as fp
        >>> fp.Replay.parsed('{"systems": []}').rows()
        []
        """
        return cls(json.loads(text))

    def rows(self) -> list[dict[str, Any]]:
        """A row for each model and for popularity: name, and each figure with the ends of its interval.

        >>> import footpath as fp
        >>> kg = fp.Kg(films)
        >>> found = fp.replay(kg, [fp.Model(tiny, kg)], {"user": ["user-001"], "item": ["gladiator-2000"]})
        >>> sorted(found.rows()[0])[:3]
        ['hit_rate', 'hit_rate_high', 'hit_rate_low']
        """
        figures = ("ndcg", "hit_rate", "mrr")
        return [
            {"name": system["name"]}
            | {name + end: system[name][at] for name in figures for end, at in _ENDS}
            for system in self["systems"]
        ]


_ENDS = (("", "mean"), ("_low", "low"), ("_high", "high"))


def replay(
    kg: Kg,
    models: Sequence[Model],
    events: Frame,
    k: int = 10,
    *,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Replay:
    """Compares models on what users did next. ``events`` has the columns user and item, in the order of time. Before
    each event every model makes the list of ``k`` items that it would have made then, and what counts is where the item
    that was chosen stands in it.

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> events = {"user": ["user-001", "new"], "item": ["gladiator-2000", "alien-1979"]}
    >>> found = fp.replay(kg, [fp.Model(tiny, kg)], events)
    >>> [row["name"] == "popularity" for row in found.rows()]
    [False, True]
    """
    with Watched(threads, progress) as call:
        paths = [model.path for model in models]
        return Replay.parsed(_native.replay(kg.native, paths, stream_of("events", events), k, call))
