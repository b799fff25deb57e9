"""Runs one peer beside Footpath and prints a line for each figure; see README.md.

    peers.py hopwise|torch-cluster|pyg [--data DIR] [--paths-per-user N] [--workers N] [--work DIR] [--json]
"""

import argparse
import pathlib
import sys
import tempfile

import hopwise_bench
import walks_bench
from house import show

PEERS = {"hopwise": hopwise_bench.run, "torch-cluster": walks_bench.run, "pyg": walks_bench.run}


def main():
    parser = argparse.ArgumentParser(description="Samplers of Python libraries beside ours.")
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--data", type=pathlib.Path, help="hopwise: folder of RecBole atomic files")
    parser.add_argument("--paths-per-user", type=int, default=50)
    # With processes of its own, hopwise sends the whole graph to them with every user: slower by far than none.
    parser.add_argument("--workers", type=int, default=0, help="hopwise: its processes; 0 for its own alone")
    parser.add_argument("--preset", default="walks", help="the others: `walks`, or a number of edges")
    parser.add_argument("--work", type=pathlib.Path, help="where graphs are made, and stay [default: a folder that goes]")
    parser.add_argument("--json", action="store_true", help="one object for each figure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footpath-peers-") as scratch:
        options.work = options.work or pathlib.Path(scratch)
        options.work.mkdir(parents=True, exist_ok=True)
        for line in PEERS[options.peer](options):
            show(line, options.json)


if __name__ == "__main__":
    sys.exit(main())
