"""torch-cluster's and PyG's walks beside `footpath sample` on a made-up graph, one thread each, by processor time."""

import os
import pathlib
import sys

from house import Child, figure, footpath, median

ROUNDS = 3
HOPS = 10
# What is sampled, by which arguments of ours, the paths for each start in a short and a long run, hops of a path, what
# is counted.
TASKS = {
    "torch-cluster": ("uniform-walk", ["--walk", f"()-[]-{{{HOPS}}}()"], (1, 7), HOPS, "steps/s", 10.0),
    "pyg": (
        "metapath",
        ["--pattern", "(:user)-[:interacted]->(:item)-[]-(:entity)-[]-(:item)"],
        (1, 100),
        1,
        "paths/s",
        5.0,
    ),
}


def run(options):
    bench, pattern, quotas, amount, unit, goal = TASKS[options.peer]
    folder, kg = graph(options)
    rates, ratios, cpu, their_cpu = [], [], [], []
    drawing, drawing_ratios = [], []
    for _ in range(ROUNDS):
        short, long = (sample(options, kg, pattern, quota) for quota in quotas)
        theirs = Child(
            [sys.executable, pathlib.Path(__file__).with_name("walks_side.py"), options.peer, folder, str(HOPS)]
        ).json()
        # Theirs has its graph in memory when the clock starts; so ours is what more paths take, opening and tables
        # apart.
        num_paths = long.json()["num_paths"] - short.json()["num_paths"]
        seconds = long.cpu_seconds - short.cpu_seconds
        rates.append(num_paths * amount / seconds)
        ratios.append(rates[-1] / theirs["rate"])
        drawing.append(draw_alone(kg, pattern, quotas[1]) * amount)
        drawing_ratios.append(drawing[-1] / theirs["rate"])
        cpu.append(long.cpu_seconds)
        their_cpu.append(theirs["cpu_seconds"])
        print(
            f"ours: {num_paths} paths in {seconds:.2f} s more, opening and tables {short.cpu_seconds:.2f} s; theirs: "
            f"{theirs}",
            file=sys.stderr,
        )
    in_memory = f"{theirs['name']}, its nodes alone; ours with relations, both in memory; CPU seconds, one thread each"
    yield figure(
        f"peers/{options.peer}-{bench}-in-memory", median(drawing), unit, median(drawing_ratios), in_memory, goal
    )
    against = (
        f"{theirs['name']}, its nodes alone; ours with relations, and written to disk; CPU seconds, one thread each"
    )
    yield figure(
        f"peers/{options.peer}-{bench}", median(rates), unit, median(ratios), against, goal, sum(cpu), sum(their_cpu)
    )


def draw_alone(kg, pattern, paths):
    """Paths a second of ours without writing them: what theirs does."""
    return Child([os.environ["FOOTPATH_BENCH"], "draw", kg, str(paths), *pattern]).json()["rate"]


def graph(options):
    """The folder and the knowledge graph, made unless they are there."""
    folder, kg = options.work / f"{options.preset}-data", options.work / f"{options.preset}-kg"
    if not kg.exists():
        size = ["--edges", options.preset] if options.preset.isdigit() else ["--preset", options.preset]
        Child([os.environ["FOOTPATH_BENCH"], "generate", folder, *size])
        footpath("import", folder, "--out", kg, "--split", "none")
    return folder, kg


def sample(options, kg, pattern, quota):
    return footpath(
        "sample",
        kg,
        "--out",
        options.work / "corpus",
        "--force",
        *pattern,
        "--end",
        "any",
        "--law",
        "walk",
        "--walks",
        "--paths-per-user",
        quota,
        "--threads",
        1,
        "--json",
    )
