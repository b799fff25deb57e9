"""How work on a cluster grows: more worker processes on one graph, and graphs of more users; prints a table.

growth.py [--users N,N,…] [--workers N,N,…] [--choices N] [--paths N] [--json]

Graphs are made up. The cluster is Dask's on this machine, so bytes that are moved go through the loopback interface:
what is counted is all that goes there, and nothing else should.
"""

import argparse
import json
import os
import shutil
import tempfile
import time

import dask
import numpy
import pyarrow
from distributed import Client, LocalCluster

import footpath

PARTS = 32


def main():
    parser = argparse.ArgumentParser(description="Growth of work on a cluster.")
    parser.add_argument("--users", default="100000,1000000")
    parser.add_argument("--workers", default="1,2,4,8")
    parser.add_argument("--choices", type=int, default=10, help="of each user")
    parser.add_argument("--paths", type=int, default=20_000_000, help="in all")
    parser.add_argument("--json", action="store_true", help="one object for each row")
    options = parser.parse_args()
    numbers = lambda text: [int(number) for number in text.split(",")]  # noqa: E731
    if not options.json:
        print("| users | graph, MB | workers | s | CPU s of workers | of the rest | MB written | MB moved | "
              "peak MB of a worker | of it its own |\n" + "|--:" * 10 + "|")
    for users in numbers(options.users):
        with tempfile.TemporaryDirectory(prefix="footpath-growth-") as scratch:
            kg = made_up(scratch, users, options.choices)
            for workers in numbers(options.workers):
                row = {"users": users, "graph": size_of(kg.path), **measured(kg, workers, options.paths // users)}
                show(row, options.json)


def made_up(scratch, users, choices):
    """A graph of so many users, a tenth as many items and a hundredth as many entities, those of small numbers the most
    popular by far; an item is related to five entities."""
    generator, items, entities = numpy.random.default_rng(1), users // 10, users // 100
    # As many as there are to the power of something even: number n is chosen about as 1 / (n + 1).
    popular = lambda most, size: (most ** generator.random(size)).astype(numpy.int64) - 1  # noqa: E731
    chosen = {"user_id": numpy.repeat(numpy.arange(users), choices), "item_id": popular(items, users * choices)}
    told = {"head": numpy.repeat(numpy.arange(items), 5), "tail": items + popular(entities, 5 * items)}
    told["relation"] = pyarrow.array(["has"]).take(pyarrow.array(numpy.zeros(5 * items, dtype=numpy.int32)))
    # What is chosen twice counts once.
    frames = {"interactions": pyarrow.table(chosen), "triples": pyarrow.table(told)}
    return footpath.import_frames(**frames, split="none", out=f"{scratch}/kg", progress=False)


def measured(kg, workers, paths_per_user):
    """A corpus of all users, made by so many processes of one thread each; the first part of each is left out, with
    which it opens the graph and prepares to draw."""
    place = tempfile.mkdtemp(dir=os.path.dirname(kg.path))
    # The law whose tables all users share: with the others a user of a large graph is seconds of work.
    law = {"hops": 3, "end": "any", "law": "walk", "paths_per_user": paths_per_user, "seed": 7}
    options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0}
    with dask.config.set(footpath.dask.QUIET), LocalCluster(**options) as local, Client(local) as client:
        client.run(os.getpid)
        before, moved, begun = client.run(used), through_loopback(), time.monotonic()
        own = time.process_time()
        footpath.dask.export(client, kg, f"{place}/corpus", folder=f"{place}/parts", parts=PARTS, **law)
        seconds, own = time.monotonic() - begun, time.process_time() - own
        moved, after = through_loopback() - moved, client.run(used)
    row = {
        "workers": workers,
        "seconds": seconds,
        "cpu_workers": sum(after[name]["cpu"] - before[name]["cpu"] for name in after),
        "cpu_rest": own,
        "written": size_of(f"{place}/corpus"),
        "moved": moved,
        "peak": max(found["peak"] for found in after.values()),
        "own": max(found["own"] for found in after.values()),
    }
    shutil.rmtree(place)
    return row


def used():
    """What this process took so far: seconds of the processor, most memory, and memory that is no file's, in bytes."""
    with open("/proc/self/status") as file:
        told = dict(line.split(":", 1) for line in file)
    of = lambda name: 1024 * int(told[name].split()[0])  # noqa: E731
    return {"cpu": time.process_time(), "peak": of("VmHWM"), "own": of("RssAnon")}


def through_loopback():
    """Bytes that went through the loopback interface so far."""
    with open("/proc/net/dev") as file:
        told = dict(line.split(":", 1) for line in file if ":" in line)
    return int({name.strip(): counts for name, counts in told.items()}["lo"].split()[0])


def size_of(directory):
    return sum(entry.stat().st_size for entry in os.scandir(directory))


def show(row, as_json):
    if as_json:
        print(json.dumps(row), flush=True)
        return
    mb = lambda name: f"{row[name] / 1e6:,.1f}"  # noqa: E731
    cells = [f"{row['users']:,}", mb("graph"), row["workers"], f"{row['seconds']:.1f}", f"{row['cpu_workers']:.1f}"]
    cells += [f"{row['cpu_rest']:.1f}", mb("written"), mb("moved"), mb("peak"), mb("own")]
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
