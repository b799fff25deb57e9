"""Models: trained, tuned, opened; they recommend and explain."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from . import _native, _views
from ._errors import UsageError
from ._graphs import Kg, Law
from ._parts import write_whole
from ._places import Place
from ._progress import DEVICE, ProgressOption, Watched
from ._reports import Report
from ._shapes import PathLike, Unfinished, Value, ids, shape, toml, without_none
from ._tables import Table

Preset = Literal["tiny", "small", "base"]
Mode = Literal["beam", "exact", "diverse", "sample"]
Score = Literal["marginal", "max", "mean"]


class Model:
    """A model on its graph, opened once for any number of calls, from any thread.

    >>> import footpath as fp
    >>> model = fp.Model(tiny, fp.Kg(films))
    >>> recommended = model.recommend(users=["user-001"], k=3)
    >>> [row["rank"] for row in recommended]
    [1, 2, 3]
    """

    def __init__(
        self,
        path: PathLike,
        kg: Kg | PathLike,
        *,
        device: str = DEVICE,
        threads: int = 0,
        progress: ProgressOption = None,
    ) -> None:
        """Opens the model at ``path``, of a graph that is open or at a path.

        Raises `ArtefactError` when there is none, or one of another graph.
        """
        self.kg = kg if isinstance(kg, Kg) else Kg(kg, threads=threads, progress=progress)
        """The graph."""
        self._device = device
        self._open: _native.Model | None = None
        self._temporary: weakref.finalize[..., Any] | None = None
        with Watched(threads, progress, device) as call:
            self._open = _native.Model.open(os.fspath(path), self.kg.native, call)

    @property
    def native(self) -> _native.Model:
        """What the extension module knows it as. Raises `UsageError` once the model is closed.

        >>> import footpath as fp
        >>> model = fp.Model(tiny, films)
        >>> model.native.content_hash() == model.hash
        True
        """
        if self._open is None:
            raise UsageError("the model is closed; open it again with fp.Model(path, kg)")
        return self._open

    @property
    def path(self) -> str:
        """The directory it was opened from.

        >>> import footpath as fp
        >>> fp.Model(tiny, films).path == tiny
        True
        """
        return str(self.native.directory())

    @property
    def hash(self) -> str:
        """Hash of its content.

        >>> import footpath as fp
        >>> model = fp.Model(tiny, films)
        >>> model.hash == fp.Model(model.path, films).hash
        True
        """
        return self.native.content_hash()

    @property
    def card(self) -> Report:
        """What is stored beside its weights: shape, settings of the training, pattern, figures on valid.

        >>> import footpath as fp
        >>> fp.Model(tiny, films).card["training"]["paths_per_user"]
        20
        """
        return Report.parsed(self.native.card())

    def recommend(
        self,
        users: Iterable[str | int] | str | int | None = None,
        histories: Mapping[Any, Iterable[str | int]] | None = None,
        k: int = 10,
        *,
        part: tuple[int, int] | None = None,
        mode: Mode = "beam",
        score: Score = "marginal",
        beams: int | None = None,
        paths: int = 1,
        only: Iterable[str | int] | None = None,
        exclude: Iterable[str | int] = (),
        allow_seen: bool = False,
        direct: float | None = None,
        linear: float | None = None,
        fading: float | None = None,
        popularity: float | None = None,
        path_count: float | None = None,
        recency: float | None = None,
        optimise: Mapping[str, float] | None = None,
        groups: int | None = None,
        diversity: float | None = None,
        draws: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        threads: int = 0,
        progress: ProgressOption = None,
    ) -> Recommendations:
        """Recommends ``k`` items to each of ``users``, or to people whom the graph does not know by what they chose
        (``histories={"me": ["alien-1979"]}``, the last chosen last), or to all users with a train interaction.

        ``part=(0, 120)`` recommends to the users with these numbers, in the order of their ids, counted from 0 and the
        second left out: also to those without a train interaction, whose lists are empty, as ``recommend --all`` does.

        Lists hold no item of ``exclude`` and, where ``only`` is given, none but its items; they are filled all the
        same. What a user has chosen already is left out unless ``allow_seen``.

        ``optimise={"lir": 0.2}`` trades a part of the score for explanations that are more recent (``lir``), popular
        (``sep``) or varied (``ptd``). The other options are those of ``footpath recommend``.

        >>> import footpath as fp
        >>> model = fp.Model(tiny, films)
        >>> [(row["user"], row["rank"]) for row in model.recommend(["user-001", "user-002"], k=2)]
        [('user-001', 1), ('user-001', 2), ('user-002', 1), ('user-002', 2)]
        >>> model.recommend(histories={"me": ["alien-1979"]}, k=1)[0]["nodes"][:2]
        ['user:me', 'item:alien-1979']
        """
        if users is not None and histories is not None:
            raise UsageError("give users or histories")
        if part is not None and (users is not None or histories is not None):
            raise UsageError("give part, users or histories")
        search = without_none({
            "k": k,
            "mode": mode,
            "score": score,
            "beams": beams,
            "paths": paths,
            "only": None if only is None else [str(item) for item in only],
            "exclude": [str(item) for item in exclude],
            "allow_seen": allow_seen,
            "direct": direct,
            "linear": linear,
            "fading": fading,
            "popularity": popularity,
            "path_count": path_count,
            "recency": recency,
            "optimise": None if optimise is None else {"lir": 0.0, "sep": 0.0, "ptd": 0.0, **optimise},
            "groups": groups,
            "diversity": diversity,
            "draws": draws,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
        })
        chosen = None if users is None else ids("users", users)
        new = None
        if histories is not None:
            new = [(str(user), [str(item) for item in items]) for user, items in histories.items()]
        with Watched(threads, progress, self._device) as call:
            if part is not None:
                return Recommendations(self.native.recommend_range(part, search, call))
            return Recommendations(self.native.recommend(chosen, new, search, call))

    def explain(
        self,
        user: str | int,
        item: str | int,
        *,
        paths: int = 3,
        history: Iterable[str | int] | None = None,
        without: str | int | bool = False,
        beams: int | None = None,
        direct: float | None = None,
        linear: float | None = None,
        fading: float | None = None,
        popularity: float | None = None,
        path_count: float | None = None,
        recency: float | None = None,
        fill_in: bool = False,
        threads: int = 0,
        progress: ProgressOption = None,
    ) -> Why:
        """The most probable paths from a user to an item; with a ``history`` the user is somebody whom the graph does
        not know.

        ``without="jaws-1975"`` takes that choice away from the user, recommends again, and says where the item stands
        then, beside taking another choice away (``why["without"]``); ``without=True`` takes the choice that the first
        path begins with.

        >>> import footpath as fp
        >>> why = fp.Model(tiny, fp.Kg(films)).explain("user-001", "alien-1979", paths=5)
        >>> why.paths[0].nodes[0], why.paths[0].nodes[-1]
        ('user:user-001', 'item:alien-1979')
        """
        search = without_none({
            "paths": paths,
            "beams": beams,
            "direct": direct,
            "linear": linear,
            "fading": fading,
            "popularity": popularity,
            "path_count": path_count,
            "recency": recency,
            "fill_in": fill_in,
        })
        chosen = None if history is None else [str(item) for item in history]
        removed = None if without is False else "" if without is True else str(without)
        with Watched(threads, progress, self._device) as call:
            return Why.parsed(self.native.explain(str(user), str(item), chosen, removed, search, call))

    def to_huggingface(self, out: PathLike, *, force: bool = False, threads: int = 0) -> Report:
        """Writes the model as a directory that ``AutoModelForCausalLM`` and ``AutoTokenizer`` read.

        >>> import footpath as fp, os, tempfile
        >>> place = tempfile.mkdtemp() + "/gpt2"
        >>> _ = fp.Model(tiny, films).to_huggingface(place)
        >>> "model.safetensors" in os.listdir(place)
        True
        """
        with Watched(threads, False, self._device) as call:
            return Report.parsed(self.native.to_huggingface(os.fspath(out), force, call))

    @classmethod
    def from_huggingface(
        cls,
        source: PathLike,
        kg: Kg,
        out: PathLike | None = None,
        *,
        hops: int | None = None,
        pattern: str | None = None,
        pattern_preset: str | None = None,
        patterns: PathLike | None = None,
        force: bool = False,
        threads: int = 0,
    ) -> Model:
        """A model of a graph from a directory of transformers whose tokenizer has the names of the graph for words, as
        `to_huggingface` writes them; for paths of three hops unless others are named.

        >>> import footpath as fp, tempfile
        >>> kg, place = fp.Kg(films), tempfile.mkdtemp() + "/gpt2"
        >>> _ = fp.Model(tiny, kg).to_huggingface(place)
        >>> len(fp.Model.from_huggingface(place, kg).recommend("user-001", k=3))
        3
        """
        meant = shape(hops, pattern, pattern_preset, patterns) or ("hops", "3")
        place = Place(out, "model")
        with Watched(threads, False) as call:
            _native.from_huggingface(os.fspath(source), kg.native, meant, place.path, force, call)
        return place.kept_by(cls(place.path, kg, threads=threads, progress=False))

    def close(self) -> None:
        """Lets go of the model, and removes it from where it lies if that was temporary. The graph stays open.

        >>> import footpath as fp
        >>> model = fp.Model(tiny, films)
        >>> model.close()
        >>> model
        <Model, closed>
        """
        self._open = None
        if self._temporary is not None:
            self._temporary()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Model], tuple[str, Kg]]:
        return (Model, (self.path, self.kg))

    def __repr__(self) -> str:
        return "<Model, closed>" if self._open is None else f"<Model at {self.path}>"


class Recommendations(Table):
    """Lists of items with their reasons: a table of user, rank, item, label, score, confidence, because, nodes and
    relations, which any library of frames takes; a notebook draws the paths.

    >>> import footpath as fp
    >>> found = fp.Model(tiny, films).recommend("user-001", k=2)
    >>> found.columns
    ['user', 'rank', 'item', 'label', 'score', 'confidence', 'because', 'nodes', 'relations']
    >>> [len(row["nodes"]) - len(row["relations"]) for row in found]
    [1, 1]
    """

    def __init__(self, native: _native.Lists) -> None:
        self._lists = native
        self._made: _native.Batches | None = None

    def _table(self) -> _native.Batches:
        if self._made is None:
            self._made = self._lists.batches()
        return self._made

    @property
    def native(self) -> _native.Lists:
        """What the extension module knows them as.

        >>> import footpath as fp
        >>> len(fp.Model(tiny, films).recommend("user-001", k=2).native)
        1
        """
        return self._lists

    @property
    def num_users(self) -> int:
        """Number of lists.

        >>> import footpath as fp
        >>> fp.Model(tiny, films).recommend(["user-001", "user-002"], k=2).num_users
        2
        """
        return len(self._lists)

    def lists(self) -> Iterator[Report]:
        """The list of each user, as ``footpath recommend --json`` writes it: with further paths, the file and line of
        every fact, why a list is short, and the probability that was not looked at.

        >>> import footpath as fp
        >>> found = next(fp.Model(tiny, films).recommend("user-001", k=2, paths=3).lists())
        >>> found["user"]
        'user-001'
        """
        for place in range(len(self._lists)):
            text = self._lists.list(place)
            if text is not None:
                yield Report.parsed(text)

    def save(self, path: PathLike) -> None:
        """Writes the lists as ``footpath recommend --json`` does: a line for each user. The file appears whole or not
        at all.

        >>> import footpath as fp, json, tempfile
        >>> place = tempfile.mkdtemp() + "/recs.jsonl"
        >>> fp.Model(tiny, films).recommend(["user-001", "user-002"], k=2).save(place)
        >>> [json.loads(line)["user"] for line in open(place)]
        ['user-001', 'user-002']
        """
        text = (self._lists.list(place) for place in range(len(self._lists)))
        write_whole(path, (f"{line}\n".encode() for line in text if line is not None))

    def _repr_html_(self) -> str:
        return _views.recommendations([found for _, found in zip(range(3), self.lists())], self.num_users)


class WhyPath:
    """A path with its probability.

    >>> import footpath as fp
    >>> path = fp.Model(tiny, films).explain("user-001", "alien-1979").paths[0]
    >>> path.log_probability < 0.0, len(path.facts) == len(path.relations) == len(path.nodes) - 1
    (True, True)
    """

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.log_probability: float = found["log_probability"]
        """Natural logarithm of the path's probability under the model."""
        self.nodes: list[str] = found["nodes"]
        """Nodes, as ``user:ID``, ``item:ID`` or ``entity:ID``."""
        self.labels: list[str] = found["labels"]
        """Their readable labels."""
        self.relations: list[str] = found["relations"]
        """Relations by name, an inverse with a leading ``~``."""
        self.text: str = found["text"]
        """The path as a sentence."""
        self.facts: list[dict[str, Any]] = found["triples"]
        """The facts behind it: head, relation, tail, file, line."""

    def __repr__(self) -> str:
        return f"<WhyPath: {self.text}>"


class Why(Report):
    """The answer to "why this item?".

    >>> import footpath as fp
    >>> why = fp.Model(tiny, films).explain("user-001", "alien-1979")
    >>> why["user"], why["item"], why["label"]
    ('user-001', 'alien-1979', 'Alien (1979)')
    """

    @classmethod
    def parsed(cls, text: str) -> Why:
        """The answer that JSON says.

        >>> import footpath as fp
        >>> fp.Why.parsed('{"paths": [], "reason": "no path of this pattern"}').paths
        []
        """
        return cls(json.loads(text))

    @property
    def paths(self) -> list[WhyPath]:
        """The paths, the most probable first.

        >>> import footpath as fp
        >>> paths = fp.Model(tiny, films).explain("user-001", "alien-1979", paths=2).paths
        >>> paths[0].log_probability >= paths[1].log_probability
        True
        """
        return [WhyPath(found) for found in self["paths"]]

    @property
    def reason(self) -> str | None:
        """Why there is no path, if there is none.

        >>> import footpath as fp
        >>> fp.Model(tiny, films).explain("user-001", "alien-1979").reason is None
        True
        """
        reason: str | None = self["reason"]
        return reason

    def _repr_html_(self) -> str:
        return _views.why(self)


def train(
    kg: Kg,
    out: PathLike | None = None,
    *,
    preset: Preset = "small",
    epochs: int | None = None,
    hops: int | None = None,
    pattern: str | None = None,
    pattern_preset: str | None = None,
    patterns: PathLike | None = None,
    law: Law | None = None,
    corpus: PathLike | None = None,
    init: PathLike | Model | None = None,
    refit: PathLike | Model | None = None,
    vectors: PathLike | None = None,
    linear: bool = True,
    validation_users: int | None = None,
    validation_beams: int | None = None,
    device: str = DEVICE,
    unfinished: Unfinished = "refuse",
    force: bool = False,
    on_step: Callable[[dict[str, Any]], object] | None = None,
    threads: int = 0,
    progress: ProgressOption = None,
    **settings: Value,
) -> Model:
    """Trains a path language model on a graph, and opens it.

    Every setting of a training file is a keyword: ``users_share``, ``paths_per_user``, ``batch_size``,
    ``learning_rate``, ``weight_decay``, ``warm_up``, ``gradient_clip``, ``user_dropout``, ``siblings``,
    ``end_siblings``, ``end_weight``, ``softmax``, ``end_loss``, ``objective``, ``accumulate``, ``patience``,
    ``validations_per_epoch``, ``seed``, ``architecture``, ``tables``, ``factorised``, ``token_kinds``,
    ``collaborative_share``, ``damping``, ``end_damping``, ``relation_weights``, ``edge_weights``.

    ``refit`` is a model whose settings are taken over and nothing chosen again, to learn from a graph that has all of
    the log; no other setting may be given then.

    ``on_step`` is given what happens: a dict with ``event`` (``"start"``, ``"step"``, ``"blend"``) and the figures of
    it. Ctrl-C writes a checkpoint beside ``out``; ``unfinished="resume"`` goes on from there.

    >>> import footpath as fp
    >>> model = fp.train(fp.Kg(films), preset="tiny", paths_per_user=4, validations_per_epoch=1, linear=False)
    >>> model.card["training"]["paths_per_user"]
    4
    """
    meant = shape(hops, pattern, pattern_preset, patterns)
    chosen: dict[str, Value] = {"preset": preset, **settings}
    if epochs is not None:
        chosen["epochs"] = epochs
    run = json.dumps({
        "corpus": None if corpus is None else os.fspath(corpus),
        "init": _path_of(init),
        "refit": _path_of(refit),
        "vectors": None if vectors is None else os.fspath(vectors),
        "law": law,
        "linear": linear,
        "validation_users": validation_users,
        "validation_beams": validation_beams,
        "force": force,
        "unfinished": unfinished,
    })
    place = Place(out, "model")
    with Watched(threads, progress, device) as call:
        pairs = [(name, toml(value)) for name, value in chosen.items()]
        _native.train(kg.native, place.path, meant, pairs, run, call, _as_dict(on_step))
    return place.kept_by(Model(place.path, kg, device=device, threads=threads, progress=False))


def _path_of(model: PathLike | Model | None) -> str | None:
    if model is None:
        return None
    return model.path if isinstance(model, Model) else os.fspath(model)


def _as_dict(listener: Callable[[dict[str, Any]], object] | None) -> Callable[[str], None] | None:
    if listener is None:
        return None
    told = listener

    def tell(event: str) -> None:
        told(json.loads(event))

    return tell


class Tuning(Report):
    """What a search found: ``trials``, the ``best`` of them, and all its ``settings``.

    >>> import footpath as fp
    >>> space = {"method": "random", "trials": 2, "train": {"preset": "tiny", "paths_per_user": 2}}
    >>> space["space"] = {"learning_rate": {"log": [1e-3, 1e-2]}}
    >>> tuning = fp.tune(space, fp.Kg(films))
    >>> len(tuning["trials"]), tuning.model.card["best_validation"] == tuning["best"]["figure"]
    (2, True)
    """

    model: Model | None = None
    """The best model; ``None`` where no training came to an end."""


def tune(
    space: Mapping[str, Any] | PathLike,
    kg: Kg,
    out: PathLike | None = None,
    *,
    hops: int | None = None,
    pattern: str | None = None,
    pattern_preset: str | None = None,
    patterns: PathLike | None = None,
    device: str = DEVICE,
    unfinished: Unfinished = "refuse",
    on_event: Callable[[dict[str, Any]], object] | None = None,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Tuning:
    """Searches for the settings of training that are best on valid; test is never looked at.

    ``space`` is the path of a TOML file as ``footpath tune`` reads, or the same as a dict:

    >>> space = {
    ...     "method": "random",
    ...     "trials": 8,
    ...     "train": {"preset": "tiny"},
    ...     "space": {"learning_rate": {"log": [1e-4, 1e-2]}, "end_siblings": [24, 96]},
    ... }
    """
    meant = shape(hops, pattern, pattern_preset, patterns)
    place = Place(out, "search")
    with Watched(threads, progress, device) as call:
        found = _native.tune(space_text(space), kg.native, place.path, meant, unfinished, call, _as_dict(on_event))
    return place.kept_by(tuned(found, kg, place.path, device, threads))


def space_text(space: Mapping[str, Any] | PathLike) -> str:
    """A space as TOML, of a dict or from a file.

    >>> space_text({"method": "random", "space": {"end_siblings": [24, 96]}})
    '"method" = "random"\\n"space" = {"end_siblings" = [24, 96]}'
    """
    if isinstance(space, Mapping):
        return "\n".join(f"{toml(str(name))} = {toml(value)}" for name, value in space.items())
    with open(os.fspath(space), encoding="utf-8") as file:
        return file.read()


def tuned(found: str, kg: Kg, out: str, device: str = DEVICE, threads: int = 0) -> Tuning:
    """What the search at ``out`` found, which JSON says, with its best model."""
    tuning = Tuning(json.loads(found))
    if tuning["best"] is not None:
        tuning.model = Model(os.path.join(out, "best"), kg, device=device, threads=threads, progress=False)
    return tuning
