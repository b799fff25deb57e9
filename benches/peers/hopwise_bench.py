"""hopwise's `constrained-rw` beside `footpath sample`: paths user - item - entity - item that end in a train item of
the user."""

import atomic
import pathlib
import sys

from house import Child, figure, footpath, median

# Items, and without collaborative paths users, are forbidden to hopwise as the third node. Its law is not ours, but our
# law of walks is the nearest: see docs/peers.md.
PATTERN = "(:user)-[:interacted]->(:item)-[]-(:!(user|item))-[]-(:item)"
ROUNDS = 5
THREADS = 2


def run(options):
    if options.data is None:
        raise SystemExit("hopwise: give --data, a folder of RecBole atomic files")
    ours_folder, theirs_folder = atomic.write(options.data, options.work)
    kg = options.work / "kg"
    footpath("import", ours_folder, "--format", "recbole", "--split", "column", "--out", kg, "--force")
    # Theirs runs between two halves of ours, so that the load of the machine meets both.
    ours = [sample(options, kg) for _ in range(ROUNDS // 2 + 1)]
    theirs = Child(
        [
            sys.executable,
            pathlib.Path(__file__).with_name("hopwise_side.py"),
            theirs_folder.parent,
            str(options.paths_per_user),
            str(options.workers),
        ]
    ).json()
    ours += [sample(options, kg) for _ in range(ROUNDS // 2)]
    return lines(options, ours, theirs)


def sample(options, kg):
    return footpath(
        "sample",
        kg,
        "--out",
        options.work / "corpus",
        "--force",
        "--pattern",
        PATTERN,
        "--end",
        "train",
        "--law",
        "walk",
        "--paths-per-user",
        options.paths_per_user,
        "--distinct",
        "--threads",
        THREADS,
        "--json",
    )


def lines(options, ours, theirs):
    rates = [child.json()["num_paths"] / child.json()["seconds"] for child in ours]
    rate, peak = median(rates), max(child.peak_bytes for child in ours)
    cpu = [median([child.cpu_seconds for child in ours]), theirs["cpu_seconds"]]
    facts = ours[0].json()
    print(
        f"ours: {facts['num_paths']} paths of {facts['users_with_paths']} users, each once; theirs: "
        f"{theirs['num_paths']} paths of "
        f"{theirs['users']} users, each once, after {theirs['draws']} draws at most; graph "
        f"{theirs['graph_seconds']:.1f} s, "
        f"walks {theirs['walk_seconds']:.1f} s, relations {theirs['relation_seconds']:.1f} s, text "
        f"{theirs['text_seconds']:.1f} s; "
        f"largest worker {theirs['worker_peak_bytes'] / 2**20:.0f} MiB",
        file=sys.stderr,
    )
    peer = f"hopwise {theirs['version']}"
    same = "same hops, end set and paths per user"
    sampler_rate = theirs["num_paths"] / theirs["sampler_seconds"]
    walk_rate = theirs["num_paths"] / theirs["walk_seconds"]
    yield figure("peers/hopwise-sampler", rate, "paths/s", rate / sampler_rate, f"{peer}, {same}", 10000.0, *cpu)
    yield figure(
        "peers/hopwise-walks", rate, "paths/s", rate / walk_rate, f"{peer}, the walks alone, {same}", None, *cpu
    )
    yield figure(
        "peers/hopwise-memory",
        peak,
        "bytes",
        peak / theirs["peak_bytes"],
        f"{peer}, peak of its main process; less is better",
        0.01,
    )
