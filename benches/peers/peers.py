"""Runs one peer beside Footpath and prints a line for each figure; see README.md.

peers.py hopwise|torch-cluster|pyg [--data DIR] [--paths-per-user N] [--workers N] [--work DIR] [--json]
peers.py transformers [--json]
peers.py decode --data DIR [--users N] [--at-once N] [--beams N] [-k K] [--work DIR] [--json]
"""

import argparse
import pathlib
import sys
import tempfile

import decode_bench
import hopwise_bench
import train_bench
import walks_bench
from house import show

PEERS = {
    "hopwise": hopwise_bench.run,
    "decode": decode_bench.run,
    "torch-cluster": walks_bench.run,
    "pyg": walks_bench.run,
    "transformers": train_bench.run,
}


def main():
    parser = argparse.ArgumentParser(description="Python libraries beside ours.")
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--data", type=pathlib.Path, help="hopwise, decode: folder of RecBole atomic files")
    parser.add_argument("--paths-per-user", type=int, default=50)
    # With processes of its own, hopwise sends the whole graph to them with every user: slower by far than none.
    parser.add_argument("--workers", type=int, default=0, help="hopwise: its processes; 0 for its own alone")
    parser.add_argument(
        "--users", type=int, default=56, help="decode: users of hopwise, a turn of which is not counted"
    )
    # The fastest of 2, 8 and 16 where this was tried.
    parser.add_argument("--at-once", type=int, default=8, help="decode: users in a batch of hopwise")
    parser.add_argument("--beams", type=int, default=30, help="decode")
    parser.add_argument("-k", type=int, default=10, help="decode: items for each user")
    parser.add_argument("--preset", default="walks", help="the others: `walks`, or a number of edges")
    parser.add_argument(
        "--work", type=pathlib.Path, help="where graphs are made, and stay [default: a folder that goes]"
    )
    parser.add_argument("--json", action="store_true", help="one object for each figure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footpath-peers-") as scratch:
        options.work = options.work or pathlib.Path(scratch)
        options.work.mkdir(parents=True, exist_ok=True)
        for line in PEERS[options.peer](options):
            show(line, options.json)


if __name__ == "__main__":
    sys.exit(main())
