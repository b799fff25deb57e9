"""Knowledge graphs: imported, opened, counted, sampled."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from . import _native, _views
from ._errors import UsageError
from ._places import Place, bytes_of
from ._progress import ProgressOption, Watched
from ._reports import Report, Summary
from ._shapes import End, PathLike, ids, shape, without_none
from ._tables import Frame, Table, column_names, stream_of

if TYPE_CHECKING:
    import numpy
    import pandas
    import polars
    import pyarrow

SplitName = Literal["auto", "column", "temporal", "date", "leave-one-out", "random", "none"]
Law = Literal["uniform-path", "uniform-end", "walk"]


class Kg:
    """A knowledge graph, opened once for any number of calls, from any thread.

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> kg.summary()["num_users"]
    480
    >>> kg.count(hops=3, end="unseen")["num_users"]
    480
    """

    def __init__(self, path: PathLike, *, threads: int = 0, progress: ProgressOption = None) -> None:
        """Opens the graph at ``path``.

        Raises `ArtefactError` when there is none, or a damaged one.
        """
        self._open: _native.Kg | None = None
        self._temporary: weakref.finalize[..., Any] | None = None
        with Watched(threads, progress) as call:
            self._open = _native.Kg.open(os.fspath(path), call)

    @property
    def native(self) -> _native.Kg:
        """What the extension module knows it as. Raises `UsageError` once the graph is closed.

        >>> import footpath as fp
        >>> fp.Kg(films).native.content_hash() == fp.Kg(films).hash
        True
        """
        if self._open is None:
            raise UsageError("the graph is closed; open it again with fp.Kg(path)")
        return self._open

    @property
    def path(self) -> str:
        """The directory it was opened from.

        >>> import footpath as fp
        >>> fp.Kg(films).path == films
        True
        """
        return str(self.native.directory())

    @property
    def hash(self) -> str:
        """Hash of its content, which every model of it names.

        >>> import footpath as fp
        >>> fp.Kg(films).hash == fp.Kg(films).summary()["hash"]
        True
        """
        return self.native.content_hash()

    def summary(self, *, threads: int = 0) -> Summary:
        """The graph in figures.

        >>> import footpath as fp
        >>> summary = fp.Kg(films).summary()
        >>> summary["num_users"], summary["num_items"]
        (480, 385)
        """
        with Watched(threads, False) as call:
            return Summary.parsed(self.native.summary(call))

    def schema(self) -> Report:
        """Types of nodes with their ranges, and relations with their readings.

        >>> import footpath as fp
        >>> schema = fp.Kg(films).schema()
        >>> schema["types"][0]
        {'name': 'user', 'start': 0, 'end': 480}
        >>> [relation["forward"] for relation in schema["relations"] if relation["name"] == "directed_by"]
        ['was directed by']
        """
        return Report.parsed(self.native.schema())

    def import_report(self) -> Report:
        """What the import found and with which options: ``report`` and ``options``.

        >>> import footpath as fp
        >>> sorted(fp.Kg(films).import_report())
        ['options', 'report']
        """
        return Report.parsed(self.native.import_report())

    def count(
        self,
        hops: int | None = None,
        *,
        end: End = "train",
        pattern: str | None = None,
        pattern_preset: str | None = None,
        patterns: PathLike | None = None,
        threads: int = 0,
        progress: ProgressOption = None,
    ) -> Report:
        """Counts the paths of every user; three hops unless told otherwise: how many there are in all (``total``), and
        the least, median, mean and most of a user.

        >>> import footpath as fp
        >>> counted = fp.Kg(films).count(hops=3, end="unseen")
        >>> counted["total"], counted["median"]
        (37522336, 75473)
        """
        meant = shape(hops, pattern, pattern_preset, patterns) or ("hops", "3")
        with Watched(threads, progress) as call:
            return Report.parsed(self.native.count(meant, end, call))

    def neighbours(self, node: str, relation: str | None = None, *, limit: int = 100) -> Table:
        """What a node (``"item:alien-1979"``) is related to, at most ``limit`` rows: node, relation, neighbour, label,
        weight. A relation with a leading ``~`` is an inverse.

        >>> import footpath as fp
        >>> kg = fp.Kg(films)
        >>> kg.neighbours("item:alien-1979", "directed_by")[0]["neighbour"]
        'entity:person-ridley-scott'
        >>> len(kg.neighbours("item:alien-1979", limit=3))
        3
        """
        if limit < 0:
            raise UsageError(f"limit: must be at least 0, got {limit}")
        return Table(self.native.neighbours(node, relation, limit))

    def export(
        self,
        out: PathLike,
        format: Literal["tables", "csv", "parquet", "ntriples", "graphml", "petgraph-json"] = "tables",
        *,
        force: bool = False,
        threads: int = 0,
        progress: ProgressOption = None,
    ) -> int:
        """Writes the graph, with what is held out of it, into a folder: from the first four forms the same graph is
        imported again, the others are for other programs. Gives the number of facts.

        >>> import footpath as fp, tempfile
        >>> fp.Kg(films).export(tempfile.mkdtemp() + "/xml", "graphml") > 3000
        True
        """
        with Watched(threads, progress) as call:
            return self.native.write(os.fspath(out), format, force, call)

    def facts(self, *, interactions: bool = True) -> Table:
        """Every fact of the train graph: head, relation, tail, label of the tail, weight.

        >>> import footpath as fp
        >>> facts = fp.Kg(films).facts(interactions=False)
        >>> facts.columns
        ['head', 'relation', 'tail', 'label', 'weight']
        """
        return Table(self.native.facts(interactions))

    def nodes(self) -> Table:
        """Every node: node, type, label.

        >>> import footpath as fp
        >>> fp.Kg(films).nodes()[0]
        {'node': 'user:user-001', 'type': 'user', 'label': 'user-001'}
        """
        return Table(self.native.nodes())

    def users(self, *, warm: bool = False) -> list[str]:
        """The ids of all users, or of those with a train interaction.

        >>> import footpath as fp
        >>> fp.Kg(films).users()[:2]
        ['user-001', 'user-002']
        """
        return self.native.users(warm)

    def items(self) -> list[str]:
        """The ids of all items.

        >>> import footpath as fp
        >>> len(fp.Kg(films).items())
        385
        """
        return self.native.items()

    def items_of(self, user: str | int) -> list[str]:
        """The ids of what a user chose in train.

        >>> import footpath as fp
        >>> "raiders-of-the-lost-ark-1981" in fp.Kg(films).items_of("user-001")
        True
        """
        return self.native.items_of(str(user))

    def words(self) -> list[str]:
        """The words of all tokens, by their numbers: what rows of ``sample(…).to_numpy()`` are made of.

        >>> import footpath as fp
        >>> kg = fp.Kg(films)
        >>> words = kg.words()
        >>> row = kg.sample(hops=3, paths_per_user=1).to_numpy()[0]
        >>> [words[token] for token in row[:3]]
        ['user:user-001', 'interacted', 'item:apollo-13-1995']
        """
        return self.native.words()

    def save_tokenizer(self, directory: PathLike, *, max_tokens: int = 7, force: bool = False) -> None:
        """Writes ``tokenizer.json`` and ``tokenizer_config.json``, for a model of transformers that learns rows of the
        tokens of this graph, at most ``max_tokens`` long, and that `Model.from_huggingface` is to read.

        >>> import footpath as fp, os, tempfile
        >>> place = tempfile.mkdtemp()
        >>> fp.Kg(films).save_tokenizer(place)
        >>> sorted(os.listdir(place))
        ['tokenizer.json', 'tokenizer_config.json']
        """
        self.native.save_tokenizer(os.fspath(directory), max_tokens, force)

    def sample(
        self,
        hops: int | None = None,
        *,
        end: End = "train",
        pattern: str | None = None,
        pattern_preset: str | None = None,
        patterns: PathLike | None = None,
        walk: str | None = None,
        paths_per_user: int | None = None,
        paths_per_end: int | None = None,
        num_paths: int | None = None,
        all_paths: int | None = None,
        distinct: bool = False,
        law: Law = "uniform-path",
        damping: float = 0.0,
        end_damping: float = 0.0,
        relation_weights: Mapping[str, float] | None = None,
        edge_weights: bool = False,
        simple: bool = True,
        causal: bool = False,
        users: Iterable[str | int] | str | None = None,
        seed: int = 1,
        threads: int = 0,
        progress: ProgressOption = None,
    ) -> Paths:
        """Paths by an exact law, drawn when they are read: the paths that ``footpath sample`` draws with the same
        options. 100 for each user unless one of the quotas is given.

        >>> import footpath as fp
        >>> paths = fp.Kg(films).sample(hops=3, end="train", paths_per_user=2, seed=7)
        >>> paths.to_numpy().shape
        (960, 7)
        """
        quotas = {"per-user": paths_per_user, "per-end": paths_per_end, "total": num_paths, "every": all_paths}
        given = {name: number for name, number in quotas.items() if number is not None}
        if len(given) > 1:
            raise UsageError("give one of paths_per_user, paths_per_end, num_paths and all_paths")
        meant = shape(hops, pattern, pattern_preset, patterns, walk) or ("hops", "3")
        spec = without_none({
            "law": law,
            "damping": damping,
            "end_damping": end_damping,
            "relation_weights": dict(relation_weights or {}),
            "edge_weights": edge_weights,
            "ends": end,
            "simple": simple,
            "causal": causal,
            "seed": seed,
        })
        chosen = None if users is None else ids("users", users)
        quota = json.dumps(given or {"per-user": 100})
        with Watched(threads, progress) as call:
            native = _native.Paths.prepare(self.native, meant, spec, quota, distinct, chosen, call)
        return Paths(native, self, threads)

    def close(self) -> None:
        """Lets go of the graph, and removes it from where it lies if that was temporary (``out=None``). What was made
        from it in this process goes on.

        >>> import footpath as fp
        >>> kg = fp.Kg(films)
        >>> kg.close()
        >>> kg
        <Kg, closed>
        """
        self._open = None
        if self._temporary is not None:
            self._temporary()

    def __enter__(self) -> Kg:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Kg], tuple[str]]:
        # Another process maps the same files.
        return (Kg, (self.path,))

    def __repr__(self) -> str:
        return "<Kg, closed>" if self._open is None else f"<Kg at {self.path}>"

    def _repr_html_(self) -> str:
        return _views.summary(self.summary())


class Paths:
    """Paths that are drawn when they are read, and drawn anew by whoever reads them again.

    It is an Arrow stream with the columns user, item, nodes and relations, so ``polars.DataFrame(paths)``,
    ``pyarrow.RecordBatchReader.from_stream(paths)`` and duckdb read it. The methods here do the same, and unlike a
    library that reads the stream they end at Ctrl-C.

    >>> import footpath as fp
    >>> paths = fp.Kg(films).sample(hops=3, paths_per_user=1)
    >>> next(iter(paths))["user"]
    'user-001'
    """

    def __init__(self, native: _native.Paths, kg: Kg, threads: int) -> None:
        self._native = native
        self._kg = kg
        self._threads = threads

    def part(self, first: int, end: int) -> Paths:
        """The paths of those of these users whose numbers are ``first`` to ``end``, the latter left out, counted from
        0. What was prepared is shared, so parts cost nothing but their paths.

        >>> import footpath as fp
        >>> paths = fp.Kg(films).sample(hops=3, paths_per_user=2)
        >>> paths.part(0, 10).to_numpy().tolist() == paths.to_numpy()[:20].tolist()
        True
        """
        return Paths(self._native.part(first, end), self._kg, self._threads)

    def publish(
        self,
        out: PathLike,
        part: tuple[int, int] | None = None,
        *,
        force: bool = False,
        progress: ProgressOption = None,
    ) -> str:
        """Writes the corpus of all users of the graph, or of those with numbers in ``part``, the second left out; its
        content hash. It is what ``footpath sample`` writes, and `footpath.concat` makes the whole of parts.

        >>> import footpath as fp, tempfile
        >>> place = tempfile.mkdtemp()
        >>> paths = fp.Kg(films).sample(hops=3, paths_per_user=2)
        >>> parts = [place + "/first", place + "/second"]
        >>> for part, users in zip(parts, [(0, 200), (200, 480)]):
        ...     _ = paths.publish(part, users)
        >>> fp.concat(parts, place + "/joined")["hash"] == paths.publish(place + "/whole")
        True
        """
        users = (0, len(self._kg.users())) if part is None else part
        with Watched(self._threads, progress) as call:
            return self._native.publish(os.fspath(out), users, force, call)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """An Arrow stream that draws as it is read, in batches of about 65,536 paths."""
        return self._native.stream("names")

    def table(self, *, tokens: bool = False, progress: ProgressOption = None) -> Table:
        """All paths at once: user, item, nodes, relations; or one column of rows of tokens.

        >>> import footpath as fp
        >>> paths = fp.Kg(films).sample(hops=3, paths_per_user=2)
        >>> paths.table()
        <Table of 960 rows: user, item, nodes, relations>
        >>> paths.table(tokens=True)
        <Table of 960 rows: tokens>
        """
        with Watched(self._threads, progress) as call:
            return Table(self._native.batches("tokens" if tokens else "names", call))

    def to_polars(self) -> polars.DataFrame:
        """The paths as a frame of polars.

        >>> import footpath as fp
        >>> fp.Kg(films).sample(hops=3, paths_per_user=2).to_polars().shape
        (960, 4)
        """
        return self.table().to_polars()

    def to_pandas(self) -> pandas.DataFrame:
        """The paths as a frame of pandas.

        >>> import footpath as fp
        >>> fp.Kg(films).sample(hops=3, paths_per_user=2).to_pandas().shape
        (960, 4)
        """
        return self.table().to_pandas()

    def to_pyarrow(self) -> pyarrow.Table:
        """The paths as a table of pyarrow.

        >>> import footpath as fp
        >>> fp.Kg(films).sample(hops=3, paths_per_user=2).to_pyarrow().column_names
        ['user', 'item', 'nodes', 'relations']
        """
        return self.table().to_pyarrow()

    def to_numpy(self, *, progress: ProgressOption = None) -> numpy.ndarray[Any, Any]:
        """The paths as rows of tokens: an array of unsigned 32-bit numbers, paths × tokens of the longest path, padded
        with 0. `Kg.words` says what each stands for.

        >>> import footpath as fp
        >>> rows = fp.Kg(films).sample(hops=3, paths_per_user=2).to_numpy()
        >>> rows.shape, rows.dtype
        ((960, 7), dtype('uint32'))
        """
        import numpy

        with Watched(self._threads, progress) as call:
            drawn = self._native.tokens(call)
        return numpy.frombuffer(drawn, dtype=numpy.uint32).reshape(-1, self._native.width())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.table())

    def __repr__(self) -> str:
        return f"<Paths of {self._kg!r}, drawn when read>"

    def _repr_html_(self) -> str:
        rows = [row for _, row in zip(range(5), self._first())]
        return _views.paths([(row["nodes"], row["relations"]) for row in rows], "Paths, the first drawn")

    def _first(self) -> Iterator[dict[str, Any]]:
        return iter(self.table(progress=False))


def import_folder(
    source: PathLike | Sequence[PathLike] | None,
    out: PathLike | None = None,
    *,
    interactions: PathLike | None = None,
    attributes: PathLike | None = None,
    onto: Kg | PathLike | None = None,
    removed: Sequence[PathLike] = (),
    split: SplitName = "auto",
    ratios: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 1,
    columns: Mapping[str, str] | None = None,
    lenient: bool | float = False,
    force: bool = False,
    threads: int = 0,
    progress: ProgressOption = None,
    **options: Any,
) -> Kg:
    """Imports a folder, or several files, of any format that ``footpath import`` reads, and opens the graph.

    ``out=None`` keeps it in a temporary directory that goes with the object, or when it is closed. ``lenient`` skips
    bad records, up to a share of them (0.01 for ``True``). ``interactions`` is a log that lies elsewhere, and
    ``attributes`` a table of numbers, dates or truth values of items.

    ``onto`` is a graph to which all this is added, as if its files and these were imported together; ``source`` may be
    ``None`` then. Filters, spelling and, unless another ``split`` is asked for, the split are those it was made with.
    ``removed`` are tables of facts (head, relation, tail) or interactions (user_id, item_id) to take back.

    Further options have the names of the command line: ``format``, ``min_rating``, ``rated_again``,
    ``min_interactions``, ``min_history``, ``same_ids``, ``join_by_id``, ``join_users_by_id``, ``strict``,
    ``skip_missing``, ``merge_inverses``, ``rating_weights``, ``max_bytes``, ``max_nodes``.

    >>> import footpath as fp
    >>> fp.import_folder("data/films").summary()["num_items"]
    385
    """
    asked = _import_options(split, ratios, seed, columns, lenient, options)
    inputs = {
        "paths": [] if source is None else _paths(source),
        "interactions": None if interactions is None else os.fspath(interactions),
        "attributes": None if attributes is None else os.fspath(attributes),
        "onto": _directory(onto),
        "removed": _paths(removed),
    }
    place = Place(out, "kg")
    with Watched(threads, progress) as call:
        _native.import_folder(json.dumps(inputs), place.path, force, asked, call)
    return place.kept_by(Kg(place.path, threads=threads, progress=False))


def build_tables(
    folder: PathLike,
    out: PathLike | None = None,
    *,
    force: bool = False,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Kg:
    """Builds a graph of the sorted tables in a folder, as ``footpath build`` does, and opens it. They are read block by
    block, so a graph may be larger than memory. ``footpath.spark.import_tables`` makes such tables; the book says what
    they are, in the page on file formats.

    Raises `InputError` with file and row for tables that are not what they should be.

    >>> import footpath as fp, pathlib, tempfile
    >>> import pyarrow as pa, pyarrow.parquet as pq
    >>> place = pathlib.Path(tempfile.mkdtemp())
    >>> pq.write_table(pa.table({"id": ["alien", "heat", "scott"]}), place / "nodes.parquet")
    >>> edges = {"node": [0, 2], "relation": [2, 3], "tail": [2, 0], "line": [0, None]}
    >>> pq.write_table(pa.table(edges), place / "edges.parquet")
    >>> types = '[{"name": "user", "num": 0}, {"name": "item", "num": 2}, {"name": "person", "num": 1}]'
    >>> files = '"interactions_file": "", "triples_file": ""'
    >>> described = f'{{"version": 1, "types": {types}, "relations": [{{"name": "directed_by"}}], {files}}}'
    >>> _ = (place / "tables.json").write_text(described)
    >>> fp.build_tables(place).facts()[0]["tail"]
    'entity:scott'
    """
    place = Place(out, "kg")
    with Watched(threads, progress) as call:
        _native.build_tables(os.fspath(folder), place.path, force, call)
    return place.kept_by(Kg(place.path, threads=threads, progress=False))


def import_frames(
    *,
    interactions: Frame | None = None,
    triples: Frame | None = None,
    items: Frame | None = None,
    entities: Frame | None = None,
    relations: Frame | None = None,
    users: Frame | None = None,
    attributes: Frame | None = None,
    onto: Kg | PathLike | None = None,
    out: PathLike | None = None,
    split: SplitName = "auto",
    ratios: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 1,
    columns: Mapping[str, str] | None = None,
    lenient: bool | float = False,
    join_by_id: bool | None = None,
    force: bool = False,
    threads: int = 0,
    progress: ProgressOption = None,
    **options: Any,
) -> Kg:
    """Imports frames of any library, with every check of ``footpath import``, and opens the graph.

    ============ ======================================================================
    frame        columns, those in brackets may be missing
    ============ ======================================================================
    interactions user_id, item_id, [rating], [timestamp or position], [split]
    triples      head, relation, tail, [weight]
    items        item_id, [entity_id], [title], [further_types]
    entities     entity_id, type, [label], [further_types]
    relations    name, [forward_label], [inverse_label]
    users        user_id, [entity_id], [further_types]
    attributes   item_id, and a column of numbers, dates or truth values for each attribute
    ============ ======================================================================

    Ids are text or whole numbers; a null or NaN among them is refused with its row, counted from 1, or left out with
    ``skip_missing=True``. ``columns={"user_id": "userId"}`` says what the frames call their columns. An item without a
    link is one node with the entity of the same id when ``join_by_id`` is on, which it is where no frame has links.
    Facts about the entity of a user are facts of the user.

    ``triples`` are needed, and ``interactions`` for a graph with users. With ``onto``, a graph, the frames are added to
    it as if all were imported together, and any of them may be missing.

    ``out=None`` keeps the graph in memory: as files of ``/dev/shm`` where the system has that, the frames tell how
    large they are, and there is room for four times what they can come to; otherwise in a temporary directory. Either
    goes with the object, or when it is closed; what a process that was killed has left goes when another calls this.
    `Kg.path` says where it lies. Further options are those of `import_folder`.

    >>> import footpath as fp
    >>> kg = fp.import_frames(
    ...     interactions={"user_id": ["ann", "bob"], "item_id": ["alien", "alien"]},
    ...     triples={"head": ["alien", "heat"], "relation": ["by", "by"], "tail": ["scott", "mann"]},
    ...     split="none",
    ... )
    >>> kg.users(), kg.items_of("ann")
    (['ann', 'bob'], ['alien'])
    """
    given = {
        "interactions": interactions,
        "triples": triples,
        "items": items,
        "entities": entities,
        "relations": relations,
        "users": users,
        "attributes": attributes,
    }
    if onto is None and triples is None:
        raise UsageError("triples: a graph is made of facts; give a frame of them, or a graph to add to with `onto`")
    streams = {name: stream_of(name, frame) for name, frame in given.items() if frame is not None}
    named = {str(known): str(own) for known, own in (columns or {}).items()}
    if join_by_id is None:
        join_by_id = items is None or named.get("entity_id", "entity_id") not in _columns(items)
    asked = _import_options(split, ratios, seed, None, lenient, {**options, "join_by_id": join_by_id})
    place = Place(out, "kg", _bytes_of_all(given) if out is None else None)
    with Watched(threads, progress) as call:
        reading = json.dumps({"columns": named, "onto": _directory(onto)})
        _native.import_frames(streams, reading, place.path, force, asked, call)
    return place.kept_by(Kg(place.path, threads=threads, progress=False))


def _paths(paths: PathLike | Sequence[PathLike]) -> list[str]:
    """One path or several, as text."""
    several = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    return [os.fspath(path) for path in several]


def _directory(kg: Kg | PathLike | None) -> str | None:
    """Where a graph lies."""
    return None if kg is None else str(kg.path) if isinstance(kg, Kg) else os.fspath(kg)


def _bytes_of_all(frames: Mapping[str, Frame | None]) -> int | None:
    """As much as a graph of these frames can take, if all of them tell."""
    sizes = [bytes_of(frame) for frame in frames.values() if frame is not None]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _columns(frame: Frame) -> list[str]:
    """The names of the columns of a frame, as far as it tells."""
    return list(frame) if isinstance(frame, dict) else column_names(frame)


def _import_options(
    split: str,
    ratios: tuple[float, float, float],
    seed: int,
    columns: Mapping[str, str] | None,
    lenient: bool | float,
    options: Mapping[str, Any],
) -> str:
    asked: dict[str, Any] = json.loads(_native.import_defaults())
    known = {
        *asked,
        "columns",
        "same_ids",
        "join_by_id",
        "join_users_by_id",
        "strict",
        "skip_missing",
        "merge_inverses",
        "rating_weights",
        "min_history",
    }
    for name, value in options.items():
        if name not in known - {"split", "lenient", "columns"}:
            raise UsageError(f"{name}: no such option; there are {', '.join(sorted(known))}")
        asked[name] = value
    kinds: dict[str, dict[str, Any]] = {
        "auto": {"ratios": ratios, "seed": seed},
        "random": {"ratios": ratios, "seed": seed},
        "temporal": {"ratios": ratios, "seed": seed},
        "date": {"ratios": ratios},
        "leave-one-out": {"seed": seed},
        "column": {},
        "none": {},
    }
    if split not in kinds:
        raise UsageError(f"split: {split!r} is none of {', '.join(kinds)}")
    asked["split"] = {"by": split, **kinds[split]}
    if columns:
        asked["columns"] = dict(columns)
    if lenient is not False and lenient is not None:
        share = 0.01 if lenient is True else float(lenient)
        if not 0.0 <= share <= 1.0:
            raise UsageError(f"lenient: {share} is not a share between 0 and 1")
        asked["lenient"] = share
    try:
        return json.dumps(asked, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"an option is no number or text: {error}") from None
