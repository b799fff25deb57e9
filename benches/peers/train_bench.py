"""Training steps of Hugging Face's GPT-2 beside ours: the same shape, vocabulary, batch and number of tokens, processes
in turn."""

import os
import pathlib
import sys

from house import Child, figure, median

ROUNDS = 3
STEPS = 12
SHAPE = {"width": 128, "layers": 3, "heads": 4}
# The program makes these settings of glibc for itself: freed memory is kept for the next step.
KEEP_HEAP = ["MALLOC_MMAP_THRESHOLD_=1073741824", "MALLOC_TRIM_THRESHOLD_=1073741824", "MALLOC_TOP_PAD_=67108864"]
# Softmax of ours, tokens of a text, texts of a batch, size of the vocabulary, goal. Theirs is always over all tokens.
TASKS = [("full", 16, 256, 12_000, 1.5), ("legal", 6, 640, 35_000, 10.0)]


def run(options):
    for softmax, tokens, rows, vocabulary, goal in TASKS:
        shape = {**SHAPE, "tokens": tokens, "rows": rows, "steps": STEPS, "vocabulary": vocabulary}
        rates, ratios, memory, loader, cpu, their_cpu = [], [], [], [], [], []
        for _ in range(ROUNDS):
            run = Child(["env", *KEEP_HEAP, os.environ["FOOTPATH_BENCH"], "steps", "--softmax", softmax, *flags(shape)])
            ours = run.json()
            side = pathlib.Path(__file__).with_name("train_side.py")
            theirs_run = Child([sys.executable, side, *flags({**shape, "vocabulary": ours["vocabulary"]})])
            theirs = theirs_run.json()
            assert ours["tokens"] == theirs["tokens"], (ours, theirs)
            rates.append(ours["tokens"] / ours["seconds"])
            ratios.append(theirs["seconds"] / ours["seconds"])
            memory.append(theirs_run.peak_bytes / run.peak_bytes)
            loader.append(ours["batch_seconds"] / ours["seconds"])
            cpu.append(run.cpu_seconds)
            their_cpu.append(theirs_run.cpu_seconds)
            print(
                f"ours: {ours}, peak {run.peak_bytes / 1e6:.0f} MB; theirs: {theirs}, peak "
                f"{theirs_run.peak_bytes / 1e6:.0f} MB",
                file=sys.stderr,
            )
        against = f"{theirs['name']}; ours: {softmax} softmax over {ours['vocabulary']:,} tokens, {tokens} x {rows}"
        name = f"peers/train-{softmax}"
        yield figure(name, median(rates), "tokens/s", median(ratios), against, goal, sum(cpu), sum(their_cpu))
        yield figure(
            f"{name}-memory", median(memory), "times", median(memory), f"{theirs['name']}: peak of the process", 2.0
        )
        yield figure(
            f"{name}-loader",
            median(loader),
            "of step",
            0.05 / max(median(loader), 1e-9),
            "5 % of the step for its batch",
            1.0,
        )


def flags(shape):
    return [str(part) for name, value in shape.items() for part in (f"--{name}", value)]
