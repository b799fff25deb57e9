"""hopwise's constrained beam search beside `footpath recommend`: the same graph, shape of model, hops and beams, ten items for each user.

Weights are as good as random on both sides: what a search does depends on its width, not on what the numbers are. Users are decoded in turns, a
few of theirs, then all of ours, so that the load of the machine meets both.
"""

import atomic
import json
import pathlib
import subprocess
import sys

from house import figure, footpath, median

HOPS, THREADS = 3, 2


def run(options):
    if options.data is None:
        raise SystemExit("decode: give --data, a folder of RecBole atomic files")
    ours_folder, theirs_folder = atomic.write(options.data, options.work)
    kg, model = options.work / "kg", options.work / "model"
    footpath("import", ours_folder, "--format", "recbole", "--split", "column", "--out", kg, "--force")
    footpath("train", kg, "--preset", "small", "--hops", HOPS, "--epochs", 1, "--paths-per-user", 1, "--out", model, "--force")
    side = pathlib.Path(__file__).with_name("decode_side.py")
    command = [sys.executable, side, theirs_folder.parent, options.users, options.at_once, options.beams, options.k]
    with subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        facts = read(peer)
        rounds = [(recommend(options, kg, model), ask(peer)) for _ in range(facts["rounds"])]
        peer.stdin.close()
    first = [footpath("recommend", model, "--kg", kg, "--user", one_user(ours_folder), "--beams", options.beams, "-k", options.k, "--json")
             for _ in range(20)]
    return lines(options, facts, rounds, first)


def recommend(options, kg, model):
    """Everything is in it: the start of the process, loading, writing the file."""
    return footpath("recommend", model, "--kg", kg, "--all", "--beams", options.beams, "-k", options.k, "--threads", THREADS,
                    "--json", "--out", options.work / "recs.jsonl", "--force")


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
    rates = [num_users / ours.seconds for ours, _ in rounds]
    ratios = [rate * theirs["seconds"] / theirs["users"] for rate, (_, theirs) in zip(rates, rounds)]
    cpu_ratios = [num_users / ours.cpu_seconds * theirs["cpu_seconds"] / theirs["users"] for ours, theirs in rounds]
    total = {key: sum(theirs[key] for _, theirs in rounds) for key in ["users", "seconds", "cpu_seconds", "items", "model", "mask"]}
    print(f"ours: {num_users} users in each of {len(rounds)} rounds; theirs: {total['users']} users in all, {facts['at_once']} at once, "
          f"{total['users'] / total['seconds']:.2f} a second, {total['items'] / total['users']:.1f} items for each; of {total['seconds']:.1f} s "
          f"{total['model']:.1f} s are the model, {total['mask']:.1f} s its masks; {facts['threads']} threads, {facts['parameters']} parameters, "
          f"{facts['vocabulary']} tokens", file=sys.stderr)
    peer = f"hopwise {facts['version']}, {options.beams} beams, {HOPS} hops"
    cpu = [sum(ours.cpu_seconds for ours, _ in rounds), total["cpu_seconds"]]
    yield figure("peers/decode", median(rates), "users/s", median(ratios), peer, 100.0, *cpu)
    cpu_rate = num_users / median([ours.cpu_seconds for ours, _ in rounds])
    yield figure("peers/decode-cpu", cpu_rate, "users/s", median(cpu_ratios), f"{peer}, both by processor time", None, *cpu)
    peak, their_peak = max(ours.peak_bytes for ours, _ in rounds), max(theirs["peak_bytes"] for _, theirs in rounds)
    yield figure("peers/decode-memory", peak, "bytes", peak / their_peak, f"{peer}; less is better")
    waits = [1e3 * child.seconds for child in first]
    yield figure("peers/decode-first-answer", median(waits), "ms", median(waits) / 300, "the 300 ms allowed; less is better", 1.0)
