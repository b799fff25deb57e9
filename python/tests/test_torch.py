"""Paths for torch: all users once, nobody twice, the same again, and on from where it stood."""

from __future__ import annotations

import itertools
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import footpath as fp

torch = pytest.importorskip("torch")


def rows(dataset: Any, number: int | None = None) -> list[list[int]]:
    return [element["input_ids"].tolist() for element in itertools.islice(dataset, number)]


def test_it_draws_for_ever_and_the_same(films: fp.Kg) -> None:
    dataset = fp.torch.PathDataset(films, paths_per_user=2)
    first = rows(dataset, 3000)
    assert len(first) == 3000 > 480 * 2 * 3 - 1, "an epoch is followed by another"
    assert first == rows(fp.torch.PathDataset(films.path, paths_per_user=2, threads=2), 3000)
    assert first[:960] != first[960:1920]


def test_an_epoch_is_what_sample_draws(films: fp.Kg) -> None:
    dataset = fp.torch.PathDataset(films, paths_per_user=2, epochs=1, law="uniform-path", damping=0.0, seed=7)
    drawn = films.sample(hops=3, paths_per_user=2, seed=7).to_numpy()
    assert sorted(rows(dataset)) == sorted(row[row != 0].tolist() for row in drawn)


@pytest.mark.parametrize(("world_size", "workers"), [(1, 0), (1, 2), (2, 0), (2, 2)])
def test_shards_cover_all_users_once(films: fp.Kg, world_size: int, workers: int) -> None:
    whole = sorted(rows(fp.torch.PathDataset(films, paths_per_user=2, epochs=1)))
    found = []
    for rank in range(world_size):
        dataset = fp.torch.PathDataset(films, paths_per_user=2, epochs=1, rank=rank, world_size=world_size)
        loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers)
        found.extend(element["input_ids"].tolist() for element in loader)
    assert sorted(found) == whole


def test_it_goes_on_where_it_stood(films: fp.Kg) -> None:
    whole = rows(fp.torch.PathDataset(films, paths_per_user=2, epochs=2))
    for stop in (1, 700, 960, 1500):
        dataset = fp.torch.PathDataset(films, paths_per_user=2, epochs=2)
        before = rows(dataset, stop)
        state = pickle.loads(pickle.dumps(dataset.state_dict()))
        other = fp.torch.PathDataset(films, paths_per_user=2, epochs=2)
        other.load_state_dict(state)
        assert before + rows(other) == whole


@pytest.mark.parametrize("batch_size", [1, 100, 10_000])
def test_batches_are_the_same_paths(films: fp.Kg, batch_size: int) -> None:
    batched = fp.torch.PathDataset(films, paths_per_user=2, epochs=2, batch_size=batch_size)
    found: list[list[int]] = []
    for number, element in enumerate(batched):
        assert 1 <= len(element["input_ids"]) <= batch_size
        found.extend(row[row != 0].tolist() for row in element["input_ids"])
        if number == 1:
            state = batched.state_dict()
            before = len(found)
    assert found == rows(fp.torch.PathDataset(films, paths_per_user=2, epochs=2))
    again = fp.torch.PathDataset(films, paths_per_user=2, epochs=2, batch_size=batch_size)
    again.load_state_dict(state)
    rest = [row[row != 0].tolist() for element in again for row in element["input_ids"]]
    assert found[:before] + rest == found


def test_a_loader_takes_batches_as_they_are(films: fp.Kg) -> None:
    options = {"paths_per_user": 2, "epochs": 1}
    whole = fp.torch.PathDataset(films, batch_size=64, **options)
    single = fp.torch.PathDataset(films, **options)
    of_batches = torch.utils.data.DataLoader(whole, batch_size=None, collate_fn=fp.torch.LegalCollator(whole, rivals=4))
    collate = fp.torch.LegalCollator(single, rivals=4)
    of_paths = torch.utils.data.DataLoader(single, batch_size=64, collate_fn=collate)
    for ours, theirs in zip(itertools.islice(of_batches, 4), of_paths):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_batches_have_labels_and_legal_candidates(films: fp.Kg) -> None:
    dataset = fp.torch.PathDataset(films, paths_per_user=2, epochs=1)
    collate = fp.torch.LegalCollator(dataset, rivals=8)
    batch = collate(list(itertools.islice(dataset, 16)))
    inputs, labels = batch["input_ids"], batch["labels"]
    assert inputs.shape == labels.shape == (16, 7)
    assert (labels[:, 0] == -100).all() and (labels[:, 1:] == inputs[:, 1:]).all()
    assert (batch["candidates"][:, :, 0] == inputs).all()
    words = films.words()
    for row, path in enumerate(inputs.tolist()):
        for place in range(2, 7, 2):
            there = batch["candidate_mask"][row, place]
            head, relation = words[path[place - 2]], words[path[place - 1]]
            legal = {found["neighbour"] for found in films.neighbours(head, relation, limit=10_000)}
            assert {words[token] for token in batch["candidates"][row, place][there].tolist()} <= legal
            assert batch["log_weights"][row, place] >= 0.0


def test_the_loss_of_a_model_that_knows_nothing_is_that_of_guessing(films: fp.Kg) -> None:
    dataset = fp.torch.PathDataset(films, paths_per_user=1, epochs=1)
    collate = fp.torch.LegalCollator(dataset, rivals=4096)
    batch = collate(list(itertools.islice(dataset, 32)))
    logits = torch.zeros((*batch["input_ids"].shape, len(films.words())))
    loss = collate.loss(logits, batch)
    counts = batch["candidate_mask"][:, 1:].sum(dim=2).double()
    assert loss.item() == pytest.approx(counts.log().mean().item(), rel=1e-5)
    assert loss.item() < math.log(len(films.words()))


def test_bad_options(films: fp.Kg) -> None:
    for options in ({"rank": 0}, {"rank": 2, "world_size": 2}, {"paths_per_user": 0}, {"batch_size": 0}):
        with pytest.raises(fp.UsageError):
            fp.torch.PathDataset(films, **options)
    with pytest.raises(fp.UsageError, match="law"):
        rows(fp.torch.PathDataset(films, law="mine"), 1)  # type: ignore[arg-type]


DATA_PARALLEL = """
import sys
import torch
import footpath as fp

kg, out, workers = sys.argv[1:]
torch.distributed.init_process_group("gloo")
torch.manual_seed(1)
dataset = fp.torch.PathDataset(kg, paths_per_user=2, epochs=1, batch_size=32)
collate = fp.torch.LegalCollator(dataset, rivals=4)
num_words = len(dataset.kg.words())
network = torch.nn.Sequential(torch.nn.Embedding(num_words, 8), torch.nn.Linear(8, num_words))
trained = torch.nn.parallel.DistributedDataParallel(network)
optimiser = torch.optim.SGD(trained.parameters(), lr=0.1)
loader = torch.utils.data.DataLoader(dataset, batch_size=None, collate_fn=collate, num_workers=int(workers))
rows, losses = [], []
for batch in loader:
    optimiser.zero_grad()
    loss = collate.loss(trained(batch["input_ids"]), batch)
    loss.backward()
    optimiser.step()
    rows.extend(batch["input_ids"].tolist())
    losses.append(loss.item())
weights = [parameter.tolist() for parameter in network.parameters()]
torch.save({"rows": rows, "losses": losses, "weights": weights}, f"{out}/{torch.distributed.get_rank()}.pt")
torch.distributed.destroy_process_group()
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_data_parallel_processes_draw_for_different_users_and_together_for_all(
    films: fp.Kg, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "train.py").write_text(DATA_PARALLEL)
    run_processes(2, tmp_path, tmp_path / "train.py", films.path, tmp_path, workers)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    users = [{row[0] for row in found["rows"]} for found in (first, second)]
    assert not users[0] & users[1] and len(users[0] | users[1]) == 480
    alone = rows(fp.torch.PathDataset(films, paths_per_user=2, epochs=1))
    assert sorted(first["rows"] + second["rows"]) == sorted(alone)
    assert first["weights"] == second["weights"], "gradients are averaged, so all have one model"
    assert first["losses"] != second["losses"], "each by paths of its own"


def run_processes(number: int, place: Path, *command: object) -> str:
    """Runs a script in so many processes that know of one another; what they print."""
    run = [sys.executable]
    if number > 1:
        run += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(number)]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    # Into a file: a pipe that nobody reads fills up.
    with open(place / "log", "w+", encoding="utf-8") as log:
        done = subprocess.run([*run, *map(str, command)], stdout=log, stderr=log, timeout=300, env=one_thread)
        log.seek(0)
        told = log.read()
    assert done.returncode == 0, told
    return told


EXAMPLE = ROOT / "examples" / "python" / "gpt2_on_paths.py"


@pytest.mark.parametrize("processes", [1, 2])
def test_the_example_sees_all_users_and_recommends(films: fp.Kg, processes: int, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    # Two paths of each of 480 users, in batches of 128.
    options = ["--kg", films.path, "--paths-per-user", 2, "--steps", 8 // processes]
    told = run_processes(processes, tmp_path, EXAMPLE, *options)
    assert f"paths of 480 users of 480, by {processes} processes" in told
    assert "1. " in told and "ndcg@10" in told
