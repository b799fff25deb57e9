"""The package beside the program: the same work through Python, and by the command or by files."""

import itertools
import os
import shutil
import statistics
import subprocess
import sys

from house import footpath as command
from house import Child
from turns import figure, in_turn, rate

HOPS = 3
PATHS_PER_USER = 2000
MAX_IMPORT_SECONDS = 0.060
MAX_WHEEL_BYTES = 20e6

# A whole process, as the command is one.
RECOMMEND = """
import footpath, polars, sys
kg, model, threads = sys.argv[1:]
model = footpath.Model(model, kg, threads=int(threads), progress=False)
frame = model.recommend(k=10, threads=int(threads), progress=False).to_polars()
assert frame.height > 0
"""


def sample_tokens(work):
    """Paths into an Arrow table of tokens, against the program's drawing of the same paths into memory."""
    return sampled(work, 0.9, lambda paths: paths.table(tokens=True, progress=False).to_pyarrow().num_rows)


def sample_names(work):
    """Paths as names of users, items, nodes and relations, some 200 bytes each instead of 28."""
    return sampled(work, None, lambda paths: paths.table(progress=False).to_pyarrow().num_rows)


def sampled(work, goal, read):
    import footpath

    kg = footpath.Kg(work.kg, progress=False)

    def ours():
        drawn = lambda: kg.sample(  # noqa: E731
            hops=HOPS, end="train", paths_per_user=PATHS_PER_USER, threads=work.threads, progress=False
        )
        return rate(lambda: read(drawn()))

    asked = [os.environ["FOOTPATH_BENCH"], "draw-corpus", work.kg, PATHS_PER_USER, HOPS, work.threads]
    theirs = lambda: Child([str(word) for word in asked]).json()["rate"]  # noqa: E731
    against = f"the program's drawing into memory, {work.threads} threads each"
    return in_turn("paths/s", against, goal, ours, theirs)


def recommend(work):
    """Lists for all users into a frame of polars, opening the graph and the model included, in an interpreter that has
    polars, against the whole of `footpath recommend --all --out x.parquet`."""
    import footpath
    import polars  # noqa: F401

    options = {"threads": work.threads, "progress": False}

    def lists(model):
        opened = footpath.Model(model, footpath.Kg(work.kg, **options), **options)
        return opened.recommend(k=10, **options).to_polars()["user"].n_unique()

    return recommended(work, 0.9, lambda model: rate(lambda: lists(model)))


def recommend_process(work):
    """The same in an interpreter that has yet to start and to import polars."""

    def lists(model):
        return users_of(work) / Child([sys.executable, "-c", RECOMMEND, work.kg, model, str(work.threads)]).seconds

    return recommended(work, None, lists)


def recommended(work, goal, ours):
    """Users a second of a way to recommend with a model, against the command."""
    model, out, users = work.model(), work.scratch / "lists.parquet", users_of(work)

    def theirs():
        out.unlink(missing_ok=True)
        options = ["--all", "--format", "parquet", "--out", out, "--threads", work.threads]
        return users / command("recommend", model, "--kg", work.kg, *options).seconds

    against = f"`footpath recommend --out x.parquet`, {work.threads} threads each"
    return in_turn("users/s", against, goal, lambda: ours(model), theirs)


def users_of(work):
    import footpath

    return len(footpath.Kg(work.kg, progress=False).users(warm=True))


def import_frames(work):
    """Frames of polars into a graph on disk, against the same tables as files."""
    import footpath
    import polars

    folder = work.made_up()
    names = ("interactions", "items", "triples", "entities", "relations")
    read = lambda name: polars.read_csv(folder / f"{name}.tsv", separator="\t")  # noqa: E731
    frames = {name: read(name) for name in names}
    rows, numbers = sum(frame.height for frame in frames.values()), itertools.count()

    def imported(work_on):
        out = work.scratch / f"imported-{next(numbers)}"

        def run():
            work_on(out).close()
            return rows

        found = rate(run)
        shutil.rmtree(out)
        return found

    options = {"threads": work.threads, "progress": False}
    ours = lambda: imported(lambda out: footpath.import_frames(**frames, out=out, **options))  # noqa: E731
    theirs = lambda: imported(lambda out: footpath.import_folder(folder, out=out, **options))  # noqa: E731
    return in_turn("rows/s", "import of the same as TSV", 1.0, ours, theirs, rounds=15)


def import_time(work):
    """`import footpath` in a fresh interpreter, by processor time: nothing else is waited for once the file is in the
    cache of the system, and the machine may be busy."""
    code = "import time; begun = time.process_time(); import footpath; print(time.process_time() - begun)"
    seconds = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(11)]
    value = statistics.median(seconds)
    return figure(1e3 * value, "ms", MAX_IMPORT_SECONDS / value, "60 ms, by processor time", 1.0)


def wheel(work):
    """Size of the wheel."""
    if work.wheel is None:
        raise SystemExit("python/wheel: give --wheel")
    size = work.wheel.stat().st_size
    return figure(size / 1e6, "MB", MAX_WHEEL_BYTES / size, "20 MB", 1.0)


BENCHES = {
    "python/sample-tokens": sample_tokens,
    "python/sample-names": sample_names,
    "python/recommend": recommend,
    "python/recommend-process": recommend_process,
    "python/import-frames": import_frames,
    "python/import-time": import_time,
    "python/wheel": wheel,
}
