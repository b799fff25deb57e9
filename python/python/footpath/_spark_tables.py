"""Importing on Spark: ids, joins, splits and sorting are the engine's, and what it leaves are the sorted tables that
`footpath.build_tables` makes a graph of.

What is done here is what ``footpath import`` does, in its order; what is not done here is refused.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from . import _native
from ._errors import InputError, UsageError
from ._graphs import Kg, build_tables
from ._progress import ProgressOption
from ._shapes import PathLike

if TYPE_CHECKING:
    import pyarrow

EngineSplit = Literal["auto", "column", "temporal", "leave-one-out", "none"]
RatedAgain = Literal["last", "first", "max", "refuse"]

_PARTS = {"train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "test": "test"}
_MAX_LINE = 2**32 - 1
_PLACE_BITS = 33
"""``monotonically_increasing_id`` is the number of a partition above so many bits, and that of a row in it below."""
_MAX_RELATIONS = 32_766
_MAX_TYPES = 4096
_WORK = "_work"


def import_tables(
    engine: Any,
    triples: Any,
    *,
    folder: PathLike,
    interactions: Any = None,
    items: Any = None,
    entities: Any = None,
    relations: Any = None,
    out: PathLike | None = None,
    split: EngineSplit = "auto",
    ratios: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 1,
    min_history: int = 10,
    min_rating: float | None = None,
    rated_again: RatedAgain = "last",
    rating_weights: bool = False,
    join_by_id: bool = False,
    interactions_file: str = "",
    triples_file: str = "",
    force: bool = False,
    threads: int = 0,
    progress: ProgressOption = None,
) -> Kg:
    """Imports data frames of Spark, read from wherever Spark reads, and opens the graph: the one, to the byte, that
    ``footpath import`` makes of the same data. Memory of the driver is that of a block of rows, whatever the size.

    ============ =======================================================================
    frame        columns, those in brackets may be missing; others are left alone
    ============ =======================================================================
    interactions user_id, item_id, [rating], [timestamp or position], [split], [line]
    triples      head, relation, tail, [weight], [line]
    items        item_id, entity_id, [title]; entity_id may be null
    entities     entity_id, type, [label]
    relations    relation_id, name, [forward_label], [inverse_label]
    ============ =======================================================================

    ``folder`` is empty or not there, at a path that driver and executors share; the sorted tables come there and stay.
    Ids are strings or whole numbers, times whole numbers. ``line`` is where a record stood in its file, whose name
    ``interactions_file`` or ``triples_file`` gives; without it the graph does not say where a fact is from.

    Not done here, and refused: facts that are held out, attributes, further types, facts of users, and splits at random
    or by date.
    What an import finds odd is not told either: look at a sample of the data with `footpath.import_frames` first.

    >>> import footpath as fp, tempfile
    >>> place = tempfile.mkdtemp()
    >>> read = spark.read.options(sep="\\t", header=True).csv
    >>> triples, items = read("data/films/triples.tsv"), read("data/films/items.tsv")
    >>> kg = fp.spark.import_tables(spark, triples, items=items, folder=f"{place}/tables", out=f"{place}/kg")
    >>> kg.summary()["num_items"]
    385
    """
    spec = _Spec(split, ratios, seed, min_history, min_rating, rated_again, rating_weights, join_by_id)
    place = Path(os.path.abspath(folder))
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UsageError(f"folder: {place} is there and is not empty; give another place")
    place.mkdir(parents=True, exist_ok=True)
    sources = (interactions_file, triples_file)
    try:
        _Import(engine, place, spec, sources).run(triples, interactions, items, entities, relations)
    finally:
        shutil.rmtree(place / _WORK, ignore_errors=True)
    return build_tables(place, out, force=force, threads=threads, progress=progress)


class _Spec:
    """What is asked for, checked before anything is read."""

    def __init__(
        self,
        split: str,
        ratios: tuple[float, float, float],
        seed: int,
        min_history: int,
        min_rating: float | None,
        rated_again: str,
        rating_weights: bool,
        join_by_id: bool,
    ) -> None:
        if split in ("random", "date"):
            raise UsageError(f"split: {split} is not made on an engine; name the parts in a column `split`")
        if split not in ("auto", "column", "temporal", "leave-one-out", "none"):
            raise UsageError(f"split: {split!r} is none of auto, column, temporal, leave-one-out, none")
        if rated_again not in ("last", "first", "max", "refuse"):
            raise UsageError(f"rated_again: {rated_again!r} is none of last, first, max, refuse")
        if min_rating is not None and not math.isfinite(min_rating):
            raise UsageError(f"min_rating: {min_rating} is not a finite number")
        self.split, self.ratios, self.seed = split, tuple(ratios), seed
        self.min_history, self.min_rating, self.rated_again = min_history, min_rating, rated_again
        self.rating_weights, self.join_by_id = rating_weights, join_by_id
        # As the program has them: in millionths, so that a cut is exact.
        inside = len(self.ratios) == 3 and all(0.0 < share < 1.0 for share in self.ratios)
        self.millionths = [math.floor(share * 1e6 + 0.5) if inside else 0 for share in self.ratios]
        if not inside or sum(self.millionths) != 1_000_000 or 0 in self.millionths:
            raise UsageError(f"ratios: {self.ratios} are not three numbers between 0 and 1 that add up to 1")

    def resolved(self, has_split: bool, has_time: bool) -> str:
        if self.split == "auto":
            if not has_split and not has_time:
                raise UsageError(
                    "split: without a column `split`, `timestamp` or `position` a log is split at random, which is not "
                    "done on an engine; name the parts in a column, or give split='none'"
                )
            return "column" if has_split else "temporal"
        if self.split == "column" and not has_split:
            raise UsageError("split: the interactions have no `split` column")
        if self.split in ("temporal", "leave-one-out") and not has_time:
            raise UsageError("split: the interactions have no `timestamp` or `position` column")
        return self.split

    def described(self, split: str) -> dict[str, Any]:
        of: dict[str, dict[str, Any]] = {
            "temporal": {"ratios": list(self.ratios), "seed": self.seed},
            "leave-one-out": {"seed": self.seed},
        }
        return {"by": split, **of.get(split, {})}


class _Import:
    """One import. Frames that several others are made of are written below ``_work`` and read again: so each is made
    once, and what is made of it cannot differ."""

    def __init__(self, engine: Any, place: Path, spec: _Spec, sources: tuple[str, str]) -> None:
        from pyspark.sql import functions

        self.f: Any = functions
        self.engine, self.place, self.spec, self.sources = engine, place, spec, sources
        self.has_rating = self.has_time = self.has_split = self.has_log_line = False
        self.has_weight = self.has_fact_line = False
        self.num_dropped = {"num_read": 0, "num_filtered": 0}

    def run(self, triples: Any, interactions: Any, items: Any, entities: Any, relations: Any) -> None:
        facts = self.facts(triples)
        log = None if interactions is None else self.log(interactions)
        split = "none" if log is None else self.spec.resolved(self.has_split, self.has_time)
        if log is None and self.spec.split not in ("auto", "none"):
            raise UsageError(f"split: there are no interactions to split by {self.spec.split}")
        named = self.entities(entities, facts)
        listed = None if items is None else self.items(items)
        links = self.links(log, listed, named)
        numbered, described = self.relations(relations, facts)
        if log is not None:
            log = self.cut(self.chosen(log), split)
        types = self.nodes(log, listed, named, links)
        self.edges(log, facts, numbered)
        for part in ("valid", "test"):
            if log is not None:
                self.held_out(log, part)
        self.aliases(named, links)
        self.describe(types, described, split, log is not None)

    # Small things.

    def path(self, name: str) -> str:
        return (self.place / name).as_uri()

    def written(self, frame: Any, name: str) -> Any:
        """A frame, written and read again."""
        frame.write.parquet(self.path(name))
        return self.engine.read.schema(frame.schema).parquet(self.path(name))

    def kept(self, frame: Any, name: str) -> Any:
        return self.written(frame, f"{_WORK}/{name}")

    def first(self, frame: Any) -> Any:
        rows = frame.head(1)
        return rows[0] if rows else None

    def refuse(self, frame: Any, message: str) -> None:
        """Refuses a frame that has a row, which the message may name by its columns."""
        row = self.first(frame)
        if row is not None:
            _bad(message.format(**{name: _shown(value) for name, value in row.asDict().items()}))

    def line(self, frame: Any, what: str) -> tuple[Any, bool]:
        """The lines of records: 0 where they are not known, or too large to be kept."""
        f = self.f
        if "line" not in frame.columns:
            return f.lit(0).cast("bigint"), False
        line = f.coalesce(_whole(frame, what, "line"), f.lit(0))
        return f.when((line < 0) | (line > _MAX_LINE), f.lit(0)).otherwise(line).cast("bigint"), True

    def label(self, frame: Any, name: str) -> Any:
        """A label on one line without blanks around it; empty where there is none."""
        f = self.f
        if name not in frame.columns:
            return f.lit("")
        plain = f.regexp_replace(f.coalesce(f.col(name).cast("string"), f.lit("")), "[\\n\\r\\t]", " ")
        return f.regexp_replace(plain, "(?U)^\\s+|\\s+$", "")

    # What is read.

    def facts(self, triples: Any) -> Any:
        _require(triples, "triples", ["head", "relation", "tail"])
        if "split" in triples.columns:
            raise UsageError("triples: a column `split` holds facts out, which is not done on an engine; drop it")
        f = self.f
        line, self.has_fact_line = self.line(triples, "triples")
        ids = [_text(triples, "triples", name).alias(name) for name in ("head", "relation", "tail")]
        weight = _number(triples, "triples", "weight") if "weight" in triples.columns else f.lit(None)
        facts = self.kept(triples.select(*ids, weight.cast("float").alias("weight"), line.alias("line")), "facts")
        counted = _counts(facts, ["head", "relation", "tail", "weight"])
        if counted["rows"] == 0:
            _bad("triples: no triple is there to make a graph of")
        _no_nulls(counted, "triples", ["head", "relation", "tail"])
        self.has_weight = _all_or_none(counted, "triples", "weight")
        if self.has_weight:
            of_fact = facts.groupBy("head", "relation", "tail").agg(
                f.min("weight").alias("a"), f.max("weight").alias("b")
            )
            self.refuse(
                of_fact.where("a != b"), "triples: {head} {relation} {tail} has two weights, {a} and {b}; leave one"
            )
        return facts

    def log(self, interactions: Any) -> Any:
        _require(interactions, "interactions", ["user_id", "item_id"])
        columns = interactions.columns
        if "label" in columns and "rating" not in columns:
            raise UsageError("interactions: call the column `label` `rating`, and give min_rating=1 if 0 is no choice")
        f = self.f
        line, self.has_log_line = self.line(interactions, "interactions")
        rating = _number(interactions, "interactions", "rating") if "rating" in columns else f.lit(None)
        when = next((name for name in ("timestamp", "position") if name in columns), None)
        time = f.lit(None) if when is None else _whole(interactions, "interactions", when)
        part = f.lit(None)
        if "split" in columns:
            given = f.col("split").cast("string")
            part = f.coalesce(*(f.when(given == name, f.lit(meant)) for name, meant in _PARTS.items()))
            unknown = interactions.where(given.isNotNull() & part.isNull()).select(given.alias("split"))
            self.refuse(unknown, "interactions: split {split} is not train, valid, validation, dev or test")
        log = interactions.select(
            _text(interactions, "interactions", "user_id").alias("user"),
            _text(interactions, "interactions", "item_id").alias("item"),
            rating.cast("float").alias("rating"),
            time.cast("bigint").alias("time"),
            part.cast("string").alias("part"),
            line.alias("line"),
        )
        log = self.kept(log, "log")
        counted = _counts(log, ["user", "item", "rating", "time", "part"])
        if counted["rows"] == 0:
            _bad("interactions: there is none; leave the frame out for a graph without users")
        self.num_dropped["num_read"] = counted["rows"]
        _no_nulls(counted, "interactions", ["user", "item"])
        self.has_rating = _all_or_none(counted, "interactions", "rating")
        self.has_time = _all_or_none(counted, "interactions", "time")
        self.has_split = _all_or_none(counted, "interactions", "part")
        for asked, option in (
            (self.spec.min_rating is not None, "min_rating"),
            (self.spec.rating_weights, "rating_weights"),
        ):
            if asked and not self.has_rating:
                raise UsageError(f"{option}: the interactions have no ratings")
        if self.has_rating:
            infinite = (
                f.isnan("rating")
                | (f.abs("rating") == f.lit(float("inf")))
                | (f.col("rating").cast("string") == "-0.0")
            )
            self.refuse(
                log.where(infinite), "interactions: rating {rating} of {user} and {item} is not a finite number"
            )
            at = ["user", "item", "time"] if self.has_time else ["user", "item"]
            again = log.groupBy(*at).agg(f.min("rating").alias("a"), f.max("rating").alias("b"))
            self.refuse(
                again.where("a != b"), "interactions: {user} rates {item} {a} and {b} at the same time; leave one"
            )
        return log

    def entities(self, entities: Any, facts: Any) -> Any:
        """Entities with their types and labels."""
        f = self.f
        ends = facts.select(f.col("head").alias("entity")).union(facts.select(f.col("tail").alias("entity")))
        if entities is None:
            plain = ends.distinct().select("entity", f.lit("entity").alias("type"), f.lit("").alias("label"))
            return self.kept(plain, "entities")
        _require(entities, "entities", ["entity_id", "type"])
        named = entities.select(
            _text(entities, "entities", "entity_id").alias("entity"),
            f.col("type").cast("string").alias("type"),
            self.label(entities, "label").alias("label"),
        )
        named = self.kept(named, "entities")
        _no_nulls(_counts(named, ["entity", "type"]), "entities", ["entity", "type"])
        self.refuse(named.groupBy("entity").count().where("count > 1"), "entities: {entity} stands {count} times")
        unlisted = ends.join(named.select("entity"), "entity", "left_anti")
        self.refuse(unlisted, "triples: entity {entity} is not among the listed ones")
        return named

    def items(self, items: Any) -> Any:
        """Listed items, each once, with the entity that its row names and its title."""
        f = self.f
        _require(items, "items", ["item_id", "entity_id"])
        entity = _text(items, "items", "entity_id")
        listed = items.select(
            _text(items, "items", "item_id").alias("item"),
            f.when(entity != "", entity).alias("entity"),
            self.label(items, "title").alias("title"),
        )
        listed = self.kept(listed.distinct(), "items")
        _no_nulls(_counts(listed, ["item"]), "items", ["item"])
        self.refuse(
            listed.groupBy("item").count().where("count > 1"),
            "items: {item} has {count} rows that differ; leave one, or link it once",
        )
        return listed

    def links(self, log: Any, listed: Any, named: Any) -> Any:
        """Which entity an item is, by what (0 linked, 1 joined by id), or which it waits for (2)."""
        f = self.f
        nothing = self.engine.createDataFrame([], "item string, entity string, kind int")
        linked = nothing
        if listed is not None:
            given = listed.where(f.col("entity").isNotNull()).select("item", "entity")
            known = given.join(named.select("entity"), "entity", "left_semi")
            linked = self.kept(known.select("item", "entity", f.lit(0).alias("kind")), "links")
            lost = given.join(named.select("entity"), "entity", "left_anti")
            lost = lost.where(~f.col("entity").isin(_native.missing_words()))
            awaited = self.kept(lost.select("item", "entity", f.lit(2).alias("kind")), "awaited")
            if self.first(linked) is None:
                self.refuse(
                    awaited,
                    "items: no link names an entity of the triples, as {entity} of {item}; are these "
                    "of one data set?",
                )
        else:
            awaited = nothing
        every = [frame.select("item") for frame in (log, listed) if frame is not None]
        if not every:
            return linked.union(awaited)
        items = _union(every).distinct()
        free = items.join(linked.select("item"), "item", "left_anti")
        same = free.join(named.select(f.col("entity").alias("item")), "item", "left_semi")
        joins = self.spec.join_by_id
        if not joins and listed is None:
            joins = self.first(same) is not None and same.count() == items.count()
        if not joins:
            return linked.union(awaited)
        joined = same.select("item", f.col("item").alias("entity"), f.lit(1).alias("kind"))
        joined = joined.join(linked.select("entity"), "entity", "left_anti").select("item", "entity", "kind")
        return self.kept(linked.union(awaited).union(joined), "joined")

    def relations(self, relations: Any, facts: Any) -> tuple[Any, list[dict[str, str]]]:
        """The relation of each name in the triples by its number, and what relations are called, in order."""
        f = self.f
        used = facts.select(f.col("relation").alias("name")).distinct()
        if relations is None:
            names = [row["name"] for row in used.limit(_MAX_RELATIONS + 1).collect()]
            rows: list[tuple[Any, ...]] = [(name, name, "", "") for name in names]
        else:
            _require(relations, "relations", ["relation_id", "name"])
            listed = relations.select(
                _text(relations, "relations", "relation_id").alias("id"),
                _text(relations, "relations", "name").alias("name"),
                self.label(relations, "forward_label").alias("forward"),
                self.label(relations, "inverse_label").alias("inverse"),
            )
            listed = self.kept(listed, "relations")
            _no_nulls(_counts(listed, ["id", "name"]), "relations", ["id", "name"])
            for key in ("id", "name"):
                self.refuse(
                    listed.groupBy(key).count().where("count > 1"), f"relations: {{{key}}} stands {{count}} times"
                )
            unlisted = used.join(listed.select(f.col("id").alias("name")), "name", "left_anti")
            self.refuse(unlisted, "triples: relation {name} is not in the relations")
            only_used = listed.join(used.select(f.col("name").alias("id")), "id", "left_semi")
            rows = [
                tuple(row)
                for row in only_used.select("id", "name", "forward", "inverse").limit(_MAX_RELATIONS + 1).collect()
            ]
        if len(rows) > _MAX_RELATIONS:
            _bad(f"triples: more than {_MAX_RELATIONS} relations, which is all that a graph can have")
        rows.sort(key=lambda row: row[1].encode())
        numbers = [(row[0], number) for number, row in enumerate(rows, 1)]
        described = [{"name": name, "forward": forward, "inverse": inverse} for _, name, forward, inverse in rows]
        return self.engine.createDataFrame(numbers, "relation string, number int"), described

    # What is done with the log.

    def chosen(self, log: Any) -> Any:
        """The log without ratings that another one replaces, and without low ones."""
        from pyspark.sql import Window

        f, spec = self.f, self.spec
        if not self.has_rating:
            return log
        pair = Window.partitionBy("user", "item")
        differ = f.min("rating").over(pair) != f.max("rating").over(pair)
        if self.has_split:
            differ = differ & (f.min("part").over(pair) == f.max("part").over(pair))
        when = f.coalesce("time", f.lit(0))
        orders: dict[str, list[Any]] = {
            "last": [when.desc(), f.col("line").desc()],
            "first": [when.asc(), f.col("line").asc()],
            "max": [f.col("rating").desc(), when.asc(), f.col("line").asc()],
            "refuse": [when.asc(), f.col("line").asc()],
        }
        place = f.row_number().over(pair.orderBy(*orders[spec.rated_again]))
        log = log.withColumn("differ", differ).withColumn("place", place)
        if spec.rated_again == "refuse":
            self.refuse(log.where("differ"), "interactions: {user} rates {item} in several ways; leave one")
        log = log.where("not differ or place = 1").drop("differ", "place")
        if spec.min_rating is not None:
            log = log.where(f.col("rating") >= f.lit(spec.min_rating).cast("float"))
        return log

    def cut(self, log: Any, split: str) -> Any:
        """The log with each pair once, in its part."""
        from pyspark.sql import Window

        f, spec = self.f, self.spec
        pair = Window.partitionBy("user", "item")
        when = f.coalesce("time", f.lit(0))
        if split == "column":
            parts = log.groupBy("user", "item").agg(f.min("part").alias("a"), f.max("part").alias("b"))
            self.refuse(parts.where("a != b"), "interactions: {user} and {item} stand in {a} and in {b}; leave one")
        first = f.row_number().over(pair.orderBy(when.asc(), f.col("line").asc(), f.col("rating").asc()))
        log = log.withColumn("place", first).where("place = 1").drop("place")
        if split == "none":
            log = log.withColumn("part", f.lit("train"))
        elif split != "column":
            from pyspark.sql import types

            made: Any = types
            keyed = made.StructType(list(log.schema.fields)).add("key", made.LongType())
            log = log.mapInArrow(_TieKeys(spec.seed), keyed)
            of_user = Window.partitionBy("user")
            place = f.row_number().over(of_user.orderBy("time", "key", "item")) - 1
            count = f.count(f.lit(1)).over(of_user)
            log = log.withColumn("place", place.cast("bigint")).withColumn("num", count)
            train, valid = f.col("num") - 2, f.col("num") - 1
            is_cut = f.col("num") >= 3
            if split == "temporal":
                shares = (spec.millionths[0], spec.millionths[0] + spec.millionths[1])
                train, valid = (f.expr(f"num * {share} div 1000000") for share in shares)
                is_cut = f.col("num") >= max(spec.min_history, 2)
            part = f.when(~is_cut | (f.col("place") < train), "train").when(f.col("place") < valid, "valid")
            log = log.withColumn("part", part.otherwise("test"))
        log = self.kept(log.select("user", "item", "rating", "time", "part", "line"), "cut")
        if self.first(log) is None:
            _bad("interactions: none is left to make a graph of")
        return log

    # What is written.

    def nodes(self, log: Any, listed: Any, named: Any, links: Any) -> list[dict[str, Any]]:
        """Writes the nodes in the order of their ids, keeps who has which, and says how many of each type there are."""
        f = self.f
        links = links.where("kind < 2")
        frames = []
        if log is not None:
            frames.append(
                log.select(f.col("user").alias("id"))
                .distinct()
                .select(f.lit(0).alias("group"), f.lit("user").alias("type"), "id", f.lit("").alias("label"))
            )
        titled = [
            frame
            for frame in (
                None if listed is None else listed.select("item", "title"),
                None if log is None else log.select("item", f.lit("").alias("title")),
            )
            if frame is not None
        ]
        if titled:
            titles = _union(titled).groupBy("item").agg(f.max("title").alias("title"))
            of_entity = links.join(named.select("entity", "label"), "entity").select("item", "label")
            all_items = titles.join(of_entity, "item", "left").select(
                f.lit(1).alias("group"),
                f.lit("item").alias("type"),
                f.col("item").alias("id"),
                f.when(f.col("title") != "", f.col("title")).otherwise(f.coalesce("label", f.lit(""))).alias("label"),
            )
            frames.append(all_items)
            # An item that low ratings dropped, and nothing lists, is none; neither is its link one.
            links = links.join(titles.select("item"), "item", "left_semi")
        plain = named.join(links.select("entity").distinct(), "entity", "left_anti")
        self.refuse(
            plain.where(f.col("type").isin("user", "item")),
            "entities: {entity} has the type {type}, which is the graph's own; call it something else",
        )
        self.refuse(
            named.where("type = 'user'"),
            "entities: {entity} has the type {type}, which is the graph's own; call it " "something else",
        )
        types = sorted(
            (row["type"] for row in plain.select("type").distinct().limit(_MAX_TYPES + 1).collect()), key=str.encode
        )
        if len(types) > _MAX_TYPES:
            _bad(f"entities: more than {_MAX_TYPES} types, which is all that a graph can have")
        groups = self.engine.createDataFrame(
            [(name, 2 + at) for at, name in enumerate(types)], "type string, group int"
        )
        frames.append(
            plain.join(f.broadcast(groups), "type").select("group", "type", f.col("entity").alias("id"), "label")
        )
        ordered = _union(frames).orderBy("group", "id")
        nodes = self.written(ordered.withColumn("place", f.monotonically_increasing_id()), "nodes")
        partition = f.shiftright("place", _PLACE_BITS)
        rows = nodes.groupBy(partition.alias("partition")).count().orderBy("partition").collect()
        before = 0
        starts: list[tuple[int, int]] = []
        for row in rows:
            starts.append((row["partition"], before))
            before += row["count"]
        at = self.engine.createDataFrame(starts, "partition bigint, before bigint")
        numbered = nodes.withColumn("partition", partition).join(f.broadcast(at), "partition")
        within = f.col("place").bitwiseAND(f.lit((1 << _PLACE_BITS) - 1))
        numbered = self.kept(numbered.select("group", "id", (f.col("before") + within).alias("number")), "numbers")
        self.users = numbered.where("group = 0").select(f.col("id").alias("user"), f.col("number").alias("user_number"))
        self.numbered_items = numbered.where("group = 1").select(
            f.col("id").alias("item"), f.col("number").alias("item_number")
        )
        of_links = links.join(self.numbered_items, "item").select("entity", f.col("item_number").alias("number"))
        of_plain = numbered.where("group > 1").select(f.col("id").alias("entity"), "number")
        self.numbered_entities = self.kept(of_links.union(of_plain), "entity_numbers")
        counted = {row["type"]: row["count"] for row in nodes.groupBy("type").count().collect()}
        return [{"name": name, "num": counted.get(name, 0)} for name in ("user", "item", *types)]

    def numbers_of(self, log: Any) -> Any:
        return log.join(self.users, "user").join(self.numbered_items, "item")

    def edges(self, log: Any, facts: Any, numbered: Any) -> None:
        """Writes all edges, in both directions, in order."""
        f = self.f
        weighed = self.has_weight or self.spec.rating_weights
        heads = self.numbered_entities.select(f.col("entity").alias("head"), f.col("number").alias("head_number"))
        tails = self.numbered_entities.select(f.col("entity").alias("tail"), f.col("number").alias("tail_number"))
        ends = facts.join(f.broadcast(numbered), "relation").join(heads, "head").join(tails, "tail")
        # Items that share an entity have a node each: a loop there is one at each, and no fact between them.
        ends = ends.where("head != tail or head_number = tail_number")
        stated = ends.groupBy("head_number", "number", "tail_number").agg(
            f.min("line").alias("line"), f.min("weight").alias("weight")
        )
        forward = stated.select(
            f.col("head_number").alias("head"),
            "number",
            f.col("tail_number").alias("tail"),
            "line",
            f.coalesce("weight", f.lit(1.0).cast("float")).alias("weight"),
            f.lit(None).cast("float").alias("rating"),
            f.lit(None).cast("bigint").alias("time"),
        )
        if log is not None:
            chosen = f.col("rating") if self.spec.rating_weights else f.lit(1.0).cast("float")
            train = self.numbers_of(log.where("part = 'train'")).select(
                f.col("user_number").alias("head"),
                f.lit(0).alias("number"),
                f.col("item_number").alias("tail"),
                "line",
                chosen.alias("weight"),
                "rating",
                "time",
            )
            forward = forward.union(train)
        forward = self.kept(forward, "forward")
        no_line, no_rating = f.lit(None).cast("bigint"), f.lit(None).cast("float")
        turned = forward.select(
            f.col("tail").alias("node"),
            (f.col("number") * 2 + 1).alias("relation"),
            f.col("head").alias("tail"),
            no_line.alias("line"),
            "weight",
            no_rating.alias("rating"),
            no_line.alias("time"),
        )
        stated = forward.select(
            f.col("head").alias("node"),
            (f.col("number") * 2).alias("relation"),
            "tail",
            "line",
            "weight",
            "rating",
            "time",
        )
        edges = stated.union(turned).orderBy("node", "relation", "tail")
        edges.select(*self.columns(["node", "relation", "tail", "line"], weighed)).write.parquet(self.path("edges"))

    def columns(self, names: list[str], weighed: bool) -> list[str]:
        optional = {"weight": weighed, "rating": self.has_rating, "time": self.has_time}
        return [*names, *(name for name, is_there in optional.items() if is_there)]

    def held_out(self, log: Any, part: str) -> None:
        f = self.f
        numbers = self.numbers_of(log.where(f.col("part") == part))
        numbers = numbers.select(
            f.col("user_number").alias("user"), f.col("item_number").alias("item"), "line", "rating", "time"
        )
        ordered = numbers.orderBy("user", "item")
        ordered.select(*self.columns(["user", "item", "line"], False)).write.parquet(self.path(part))

    def aliases(self, named: Any, links: Any) -> None:
        """Writes which entities items are, where any is one."""
        f = self.f
        aliases = (
            links.join(self.numbered_items, "item")
            .join(named, "entity", "left")
            .select(
                f.col("item_number").alias("node"),
                "kind",
                f.when(f.col("entity") == f.col("item"), "").otherwise(f.col("entity")).alias("id"),
                # Whatever is linked to an item and says that it is one has no type of its own.
                f.when(f.col("kind") == 2, "")
                .when(f.col("type") == "item", "entity")
                .otherwise(f.col("type"))
                .alias("type"),
                f.when(f.col("kind") == 2, "").otherwise(f.col("label")).alias("label"),
            )
        )
        if self.first(aliases) is not None:
            aliases.orderBy("node", "kind").write.parquet(self.path("aliases"))

    def describe(self, types: list[dict[str, Any]], relations: list[dict[str, str]], split: str, has_log: bool) -> None:
        """Writes ``tables.json``, whole, and last: without it there are no tables."""
        interactions, triples = self.sources
        options = json.loads(_native.import_defaults())
        options["format"] = "memory"
        options["split"] = self.spec.described(split)
        options["min_rating"], options["rated_again"] = self.spec.min_rating, self.spec.rated_again
        layout = {
            "version": 1,
            "types": types,
            "relations": relations,
            "interactions_file": interactions if has_log and self.has_log_line else "",
            "triples_file": triples if self.has_fact_line else "",
            "import": {"options": options, "report": {"split": self.spec.described(split)}},
        }
        unfinished = self.place / "_tables.json"
        unfinished.write_text(json.dumps(layout, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, self.place / "tables.json")


class _TieKeys:
    """What decides between choices of a user at the same time, as another column."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        import pyarrow

        for batch in batches:
            pairs = pyarrow.Table.from_batches([batch]).select(["user", "item"])
            keys = pyarrow.table(_native.tie_keys(pairs, self.seed))["key"].combine_chunks()
            keys = keys.chunk(0) if isinstance(keys, pyarrow.ChunkedArray) else keys
            yield pyarrow.RecordBatch.from_arrays([*batch.columns, keys], [*batch.schema.names, "key"])


def _bad(message: str) -> NoReturn:
    raise InputError(message)


def _shown(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else str(value)


def _union(frames: Iterable[Any]) -> Any:
    first, *others = frames
    for frame in others:
        first = first.union(frame)
    return first


def _require(frame: Any, what: str, names: list[str]) -> None:
    if "further_types" in frame.columns:
        raise UsageError(f"{what}: a column `further_types` is not read on an engine; drop it, or import in one place")
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise InputError(f"{what}: there is no column {missing[0]}")


def _type(frame: Any, name: str) -> str:
    return str(frame.schema[name].dataType.simpleString())


def _text(frame: Any, what: str, name: str) -> Any:
    """A column of ids: text or whole numbers."""
    kind = _type(frame, name)
    if kind not in ("string", "tinyint", "smallint", "int", "bigint"):
        raise InputError(f"{what}: column {name} is of type {kind}; ids are text or whole numbers")
    return frame[name].cast("string")


def _whole(frame: Any, what: str, name: str) -> Any:
    """A column of whole numbers."""
    kind = _type(frame, name)
    if kind not in ("tinyint", "smallint", "int", "bigint"):
        raise InputError(f"{what}: column {name} is of type {kind}; cast it to bigint, such as with unix_micros")
    return frame[name].cast("bigint")


def _number(frame: Any, what: str, name: str) -> Any:
    kind = _type(frame, name)
    if kind not in ("float", "double", "tinyint", "smallint", "int", "bigint") and not kind.startswith("decimal"):
        raise InputError(f"{what}: column {name} is of type {kind}; cast it to double")
    # As a file is read: by way of 64 bits.
    return frame[name].cast("double")


def _counts(frame: Any, names: list[str]) -> dict[str, int]:
    from pyspark.sql import functions as f

    row = frame.agg(f.count(f.lit(1)).alias("rows"), *(f.count(name).alias(name) for name in names)).collect()[0]
    counted: dict[str, int] = row.asDict()
    return counted


def _no_nulls(counted: dict[str, int], what: str, names: list[str]) -> None:
    for name in names:
        if counted[name] < counted["rows"]:
            raise InputError(f"{what}: {counted['rows'] - counted[name]} rows have no {name}")


def _all_or_none(counted: dict[str, int], what: str, name: str) -> bool:
    """Whether a column has values. One that is empty throughout is none."""
    if counted[name] not in (0, counted["rows"]):
        raise InputError(f"{what}: {counted['rows'] - counted[name]} rows have no {name}, and others have one")
    return counted["rows"] > 0 and counted[name] > 0
