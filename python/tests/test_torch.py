"""Paths for torch: all users once, nobody twice, the same again, and on from where it stood."""

from __future__ import annotations

import itertools
import math
import pickle
from typing import Any

import pytest

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
    for options in ({"rank": 0}, {"rank": 2, "world_size": 2}, {"paths_per_user": 0}):
        with pytest.raises(fp.UsageError):
            fp.torch.PathDataset(films, **options)
    with pytest.raises(fp.UsageError, match="law"):
        rows(fp.torch.PathDataset(films, law="mine"), 1)  # type: ignore[arg-type]
