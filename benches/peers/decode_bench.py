"""hopwise's constrained beam search beside `footpath recommend`: the same graph, shape of model, hops and beams, ten
items for each user.

Weights are as good as random on both sides: what a search does depends on its width, not on what the numbers are. Users
are decoded in turns, a few of theirs, then all of ours, so that the load of the machine meets both.
"""

import atomic
import json
import pathlib
import subprocess
import sys

from house import figure, footpath, median

HOPS, THREADS = 3, 2
# The work that both do. Beside paths, ours has a linear part, counts, and asks the model of all items, of which theirs
# has nothing.
PATHS_ALONE = ("--direct", 0, "--linear", 0, "--popularity", 0, "--path-count", 0, "--recency", 0)


def run(options):
    if options.data is None:
        raise SystemExit("decode: give --data, a folder of RecBole atomic files")
    ours_folder, theirs_folder = atomic.write(options.data, options.work)
    kg, model = options.work / "kg", options.work / "model"
    footpath("import", ours_folder, "--format", "recbole", "--split", "column", "--out", kg, "--force")
    footpath(
        "train",
        kg,
        "--preset",
        "small",
        "--hops",
        HOPS,
        "--epochs",
        1,
        "--paths-per-user",
        1,
        "--out",
        model,
        "--force",
    )
    side = pathlib.Path(__file__).with_name("decode_side.py")
    command = [sys.executable, side, theirs_folder.parent, options.users, options.at_once, options.beams, options.k]
    with subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        facts = read(peer)
        rounds = [
            (recommend(options, kg, model, PATHS_ALONE), ask(peer), recommend(options, kg, model))
            for _ in range(facts["rounds"])
        ]
        peer.stdin.close()
    first = [
        footpath(
            "recommend",
            model,
            "--kg",
            kg,
            "--user",
            one_user(ours_folder),
            "--beams",
            options.beams,
            "-k",
            options.k,
            "--json",
        )
        for _ in range(20)
    ]
    return lines(options, facts, rounds, first)


def recommend(options, kg, model, more=()):
    """Everything is in it: the start of the process, loading, writing the file."""
    return footpath(
        "recommend",
        model,
        "--kg",
        kg,
        "--all",
        "--beams",
        options.beams,
        "-k",
        options.k,
        "--threads",
        THREADS,
        "--json",
        "--out",
        options.work / "recs.jsonl",
        "--force",
        *more,
    )


def ask(peer):
    print("go", file=peer.stdin, flush=True)
    return read(peer)


def read(peer):
    line = peer.stdout.readline()
    if not line:
        raise SystemExit(f"decode_side.py: exit code {peer.wait()}")
    return json.loads(line)


def one_user(folder):
    """The user of the first interaction."""
    header, first = (folder / f"{atomic.NAME}.inter").read_text(encoding="utf-8").splitlines()[:2]
    names = [column.split(":")[0] for column in header.split("\t")]
    return first.split("\t")[names.index("user_id")]


def lines(options, facts, rounds, first):
    num_users = len((options.work / "recs.jsonl").read_text(encoding="utf-8").splitlines())
    paths, theirs, all_there_is = zip(*rounds)
    rates = [num_users / ours.seconds for ours in paths]
    ratios = [rate * peer["seconds"] / peer["users"] for rate, peer in zip(rates, theirs)]
    rates_of_all = [num_users / ours.seconds for ours in all_there_is]
    ratios_of_all = [rate * peer["seconds"] / peer["users"] for rate, peer in zip(rates_of_all, theirs)]
    cpu_ratios = [
        num_users / ours.cpu_seconds * peer["cpu_seconds"] / peer["users"] for ours, peer in zip(paths, theirs)
    ]
    total = {
        key: sum(peer[key] for peer in theirs) for key in ["users", "seconds", "cpu_seconds", "items", "model", "mask"]
    }
    print(
        f"ours: {num_users} users in each of {len(rounds)} rounds; theirs: {total['users']} users in all, "
        f"{facts['at_once']} at once, "
        f"{total['users'] / total['seconds']:.2f} a second, {total['items'] / total['users']:.1f} items for each; of "
        f"{total['seconds']:.1f} s "
        f"{total['model']:.1f} s are the model, {total['mask']:.1f} s its masks; {facts['threads']} threads, "
        f"{facts['parameters']} parameters, "
        f"{facts['vocabulary']} tokens",
        file=sys.stderr,
    )
    peer = f"hopwise {facts['version']}, {options.beams} beams, {HOPS} hops"
    cpu = [sum(ours.cpu_seconds for ours in paths), total["cpu_seconds"]]
    yield figure("peers/decode", median(rates), "users/s", median(ratios), peer, 100.0, *cpu)
    yield figure(
        "peers/decode-all-parts",
        median(rates_of_all),
        "users/s",
        median(ratios_of_all),
        f"{peer}, which has paths alone",
    )
    cpu_rate = num_users / median([ours.cpu_seconds for ours in paths])
    yield figure(
        "peers/decode-cpu", cpu_rate, "users/s", median(cpu_ratios), f"{peer}, both by processor time", None, *cpu
    )
    peak, their_peak = max(ours.peak_bytes for ours in paths), max(peer["peak_bytes"] for peer in theirs)
    yield figure("peers/decode-memory", peak, "bytes", peak / their_peak, f"{peer}; less is better")
    waits = [1e3 * child.seconds for child in first]
    yield figure(
        "peers/decode-first-answer", median(waits), "ms", median(waits) / 300, "the 300 ms allowed; less is better", 1.0
    )
