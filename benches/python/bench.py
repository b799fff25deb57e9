"""Runs the benchmarks of the Python package and prints a line for each figure; see README.md.

bench.py [NAME] [--data DIR] [--wheel FILE] [--hopwise PYTHON] [--json]

FOOTPATH and FOOTPATH_BENCH are the programs `footpath` and `footpath-bench`.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))

import beside_program  # noqa: E402
from house import show  # noqa: E402

THREADS = 2
FILMS = HERE.parents[1] / "data" / "films"


class Work:
    """What the benchmarks share: a graph, what is made when it is asked for, and where to put things."""

    def __init__(self, options, scratch):
        import footpath

        self.scratch = scratch
        self.data = options.data
        self.wheel = options.wheel
        self.hopwise = options.hopwise
        self.threads = THREADS
        self.kg = scratch / "kg"
        footpath.import_folder(options.data, out=self.kg, progress=False)

    def model(self):
        """A model of the graph. How well it recommends is of no matter here, only how fast it does."""
        import footpath

        out = self.scratch / "model"
        if out.exists():
            return out
        kg = footpath.Kg(self.kg, progress=False)
        footpath.train(kg, out=out, paths_per_user=5, validations_per_epoch=1, progress=False)
        return out

    def made_up(self):
        """A made-up data set of a million facts, as a folder of tables."""
        folder = self.scratch / "made-up"
        command = [os.environ["FOOTPATH_BENCH"], "generate", folder, "--edges", "1000000"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return folder


def benches():
    """All figures by name; those of torch where it is installed."""
    found = dict(beside_program.BENCHES)
    try:
        import torch  # noqa: F401
    except ImportError:
        print("without torch: its figures are left out", file=sys.stderr)
        return found
    import loaders

    return found | loaders.BENCHES


def main():
    parser = argparse.ArgumentParser(description="The Python package beside the program.")
    parser.add_argument("name", nargs="?", default="", help="only those whose name contains this")
    parser.add_argument("--data", type=pathlib.Path, default=FILMS, help="a dataset folder; the films unless given")
    parser.add_argument("--wheel", type=pathlib.Path, help="the wheel that is installed, for its size")
    parser.add_argument("--hopwise", type=pathlib.Path, help="an interpreter with hopwise; --data is RecBole's then")
    parser.add_argument("--json", action="store_true", help="one object for each figure")
    options = parser.parse_args()
    chosen = {name: bench for name, bench in benches().items() if options.name in name}
    if not chosen:
        parser.error(f"no name contains {options.name!r}; there are {', '.join(benches())}")
    with tempfile.TemporaryDirectory(prefix="footpath-bench-") as scratch:
        work = Work(options, pathlib.Path(scratch))
        for name, bench in chosen.items():
            line = bench(work)
            if line is not None:
                show({"bench": name, **line}, options.json)


if __name__ == "__main__":
    main()
