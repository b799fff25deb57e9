"""What it would cost to train one model in two processes that exchange their gradients after every step.

A step changes the rows of the tables that its batch touches: those of its tokens, and those of the legal alternatives
from which each is told. The script counts such rows in batches as `footpath train` has them (128 paths, 24 alternatives
for a token and 400 for the end), times the steps of a training in one thread, and times what two processes need to sum
as many numbers over the loopback by gloo: whole tables, and the touched rows alone.

It needs the package and torch: python exchange.py KG [--steps N]
"""

import argparse
import os
import statistics
import tempfile
import time

import footpath
import torch
import torch.distributed
import torch.multiprocessing

BATCH = 128
INNER, END = 24, 400
BATCHES = 20
ROUNDS = 10


def touched(kg):
    """Distinct rows of the input and the output table in a batch, by the median of some batches."""
    dataset = footpath.torch.PathDataset(kg, hops=3, batch_size=BATCH)
    inner = footpath.torch.LegalCollator(dataset, rivals=INNER)
    ends = footpath.torch.LegalCollator(dataset, rivals=END)
    inputs, outputs = [], []
    batches = iter(dataset)
    for _ in range(BATCHES):
        drawn = next(batches)
        inputs.append(len(inner(dict(drawn))["input_ids"].unique()))
        candidates = [inner(dict(drawn))["candidates"][:, 1:-1], ends(dict(drawn))["candidates"][:, -1]]
        outputs.append(len(torch.cat([part.flatten() for part in candidates]).unique()))
    return statistics.median(inputs), statistics.median(outputs)


def step_seconds(kg, steps):
    """Mean time of a step of a training in one thread, and the shape of the model."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        model = footpath.train(
            kg,
            os.path.join(folder, "model"),
            paths_per_user=max(1, steps * BATCH // kg.summary()["num_users"]),
            linear=False,
            validations_per_epoch=1,
            validation_users=1,
            threads=1,
            on_step=lambda event: times.append(time.perf_counter()) if event["event"] == "step" else None,
        )
        shape = model.card["model"]
    # Steps are told of a few at a time; the last of them is told of after the validation.
    *times, _ = times
    return (times[-1] - times[0]) / (len(times) - 1), shape


def exchange(rank, folder, dense, rows, width):
    """Times, in one of two processes, the sum of whole tables over both, and that of so many rows with their ids."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    whole = torch.ones(dense)
    ids, values = torch.arange(rows), torch.ones(rows, width)

    def of_tables():
        torch.distributed.all_reduce(whole)

    def of_rows():
        all_ids = [torch.empty_like(ids) for _ in range(2)]
        all_values = [torch.empty_like(values) for _ in range(2)]
        torch.distributed.all_gather(all_ids, ids)
        torch.distributed.all_gather(all_values, values)
        own, other = all_values
        own.index_add(0, all_ids[1], other)

    for name, work in (("whole tables", of_tables), ("touched rows", of_rows)):
        times = []
        for _ in range(ROUNDS):
            torch.distributed.barrier()
            begun = time.perf_counter()
            work()
            times.append(time.perf_counter() - begun)
        if rank == 0:
            print(f"{name}: {1e3 * statistics.median(times):.1f} ms")
    torch.distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kg")
    parser.add_argument("--steps", type=int, default=200)
    asked = parser.parse_args()
    kg = footpath.Kg(asked.kg, progress=False)
    inputs, outputs = touched(kg)
    seconds, shape = step_seconds(kg, asked.steps)
    width, tokens = shape["trunk"]["d_model"], shape["num_tokens"]
    dense, rows = 2 * tokens * width, int(inputs + outputs)
    print(f"a step: {1e3 * seconds:.1f} ms; {tokens} tokens of width {width}, two tables: {4 * dense / 1e6:.1f} MB")
    print(f"touched: {inputs:.0f} and {outputs:.0f} rows, {4 * rows * width / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(exchange, (folder, dense, rows, width), nprocs=2)


if __name__ == "__main__":
    main()
