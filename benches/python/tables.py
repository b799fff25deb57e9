"""What `footpath build` takes beside `footpath import` of the same made-up data: time, memory, and the same files.

    python benches/python/tables.py --facts 10000000 --dir /tmp/tables

needs numpy and pyarrow; FOOTPATH names the program. Half of the facts are interactions; tables are sorted by numpy.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

PART = 2_000_000
RELATIONS = 20


def made_up(facts, folder):
    """The same data twice: as tables of text, and as sorted tables."""
    import numpy
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    draw = numpy.random.default_rng(1)
    users, items, entities, half = facts // 50, facts // 100, facts // 20, facts // 2
    popular = lambda most, size: (most ** draw.random(size)).astype(numpy.int64) - 1  # noqa: E731
    names = lambda letter, most: pyarrow.array([f"{letter}{number:08d}" for number in range(most)])  # noqa: E731
    user_names, item_names, entity_names = names("u", users), names("i", items), names("e", entities)
    relation_names = pyarrow.array([f"r{number:02d}" for number in range(RELATIONS)])
    in_any_order = lambda *columns: [
        column[order] for order in [draw.permutation(half)] for column in columns
    ]  # noqa: E731
    # Everybody chooses something, and something is said of every entity.
    user = numpy.concatenate([numpy.arange(users), draw.integers(0, users, half - users)])
    user, item = in_any_order(user, popular(items, half))
    head = numpy.concatenate([numpy.arange(entities), draw.integers(0, entities, half - entities)])
    head, relation, tail = in_any_order(head, draw.integers(0, RELATIONS, half), popular(entities, half))
    data, tables = folder / "data", folder / "tables"
    data.mkdir(parents=True)
    (tables / "edges").mkdir(parents=True)

    def text(name, columns):
        plain = pyarrow.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
        with open(data / f"{name}.tsv", "wb") as file:
            file.write(("\t".join(columns) + "\n").encode())
            pyarrow.csv.write_csv(pyarrow.table(columns), file, plain)

    takes = lambda texts, numbers: texts.take(pyarrow.array(numbers))  # noqa: E731
    log = {"user_id": takes(user_names, user), "item_id": takes(item_names, item)}
    text("interactions", {**log, "timestamp": pyarrow.array(numpy.arange(half))})
    said = {"head": takes(entity_names, head), "relation": takes(relation_names, relation)}
    text("triples", {**said, "tail": takes(entity_names, tail)})
    text("items", {"item_id": item_names, "entity_id": entity_names.slice(0, items)})

    def once(*keys):
        """Rows by their keys, each once, with the first line that has it."""
        line = numpy.arange(half) + 2
        order = numpy.lexsort((line, *keys[::-1]))
        keys, line = [key[order] for key in keys], line[order]
        differs = numpy.any([key[1:] != key[:-1] for key in keys], axis=0)
        first = numpy.concatenate([[True], differs])
        return [*(key[first] for key in keys), line[first]]

    # Entity number e is node users + e: the first are the items.
    user, item, chosen_at = once(user, item)
    head, relation, tail, said_at = once(head, relation, tail)
    heads, tails = numpy.concatenate([user, users + head]), numpy.concatenate([users + item, users + tail])
    relations = numpy.concatenate([numpy.zeros_like(user), 2 * (relation + 1)])
    lines = numpy.concatenate([chosen_at, said_at])
    node, other = numpy.concatenate([heads, tails]), numpy.concatenate([tails, heads])
    directed = numpy.concatenate([relations, relations + 1])
    order = numpy.lexsort((other, directed, node))
    stated = order < len(heads)
    line = lines[numpy.where(stated, order, 0)]
    edges = {
        "node": node[order],
        "relation": directed[order].astype(numpy.int32),
        "tail": other[order],
        "line": pyarrow.array(line, mask=~stated),
        "time": pyarrow.array(line - 2, mask=directed[order] != 0),
    }
    edges = pyarrow.table(edges)
    for part, start in enumerate(range(0, len(edges), PART)):
        pyarrow.parquet.write_table(edges.slice(start, PART), tables / "edges" / f"part-{part:05d}.parquet")
    nodes = pyarrow.concat_arrays([user_names, item_names, entity_names.slice(items)])
    pyarrow.parquet.write_table(pyarrow.table({"id": nodes}), tables / "nodes.parquet")
    aliases = {"node": numpy.arange(users, users + items), "kind": numpy.zeros(items, numpy.int32)}
    aliases |= {"id": entity_names.slice(0, items), "type": ["entity"] * items, "label": [""] * items}
    pyarrow.parquet.write_table(pyarrow.table(aliases), tables / "aliases.parquet")
    layout = {
        "version": 1,
        "types": [
            {"name": "user", "num": users},
            {"name": "item", "num": items},
            {"name": "entity", "num": entities - items},
        ],
        "relations": [{"name": name} for name in relation_names.to_pylist()],
        "interactions_file": "interactions.tsv",
        "triples_file": "triples.tsv",
    }
    (tables / "tables.json").write_text(json.dumps(layout))
    print(f"{len(edges)} directed edges, {len(nodes)} nodes", flush=True)


def measured(what, *command):
    """Runs a program from this process, which is small: what a child had in memory before counts as well."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(command[0], command)
    _, status, usage = os.wait4(child, 0)
    clock, processor = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
    print(f"{what}: {clock:.1f} s, {processor:.1f} s of the processor, {usage.ru_maxrss / 1000:.0f} MB", flush=True)
    if status:
        sys.exit(f"{what}: status {status}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=10_000_000)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--only-make", action="store_true")
    asked = parser.parse_args()
    folder, program = asked.dir, os.environ["FOOTPATH"]
    if asked.only_make:
        made_up(asked.facts, folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    again = [sys.executable, __file__, "--facts", str(asked.facts), "--dir", str(folder), "--only-make"]
    subprocess.run(again, check=True)
    measured("build", program, "build", str(folder / "tables"), "--out", str(folder / "built"))
    measured("import", program, "import", str(folder / "data"), "--out", str(folder / "imported"), "--split", "none")
    files = [json.loads((folder / name / "manifest.json").read_text())["files"] for name in ("built", "imported")]
    sizes = [sum(file.stat().st_size for file in (folder / name).rglob("*")) for name in ("built", "tables")]
    same = "the same files" if files[0] == files[1] else "OTHER FILES"
    print(f"store {sizes[0] / 1e6:.0f} MB, tables {sizes[1] / 1e6:.0f} MB; {same}")


if __name__ == "__main__":
    main()
