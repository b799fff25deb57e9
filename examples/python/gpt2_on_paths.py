"""Trains a GPT-2 of transformers on paths of the films, and recommends with it.

    python examples/python/gpt2_on_paths.py
    torchrun --nproc-per-node 2 examples/python/gpt2_on_paths.py

With several processes each draws for its own users, and gradients are averaged: together they see what one sees.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
from pathlib import Path

import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from transformers import GPT2Config, GPT2LMHeadModel

import footpath as fp

FILMS = Path(__file__).resolve().parents[2] / "data" / "films"


def main() -> None:
    """Trains, brings the model back, and prints what it recommends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kg", type=Path, help="a graph; the films unless given")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--paths-per-user", type=int, default=300)
    arguments = parser.parse_args()

    is_distributed = "RANK" in os.environ
    if is_distributed:
        torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank() if is_distributed else 0
    torch.manual_seed(1)

    kg = fp.Kg(arguments.kg) if arguments.kg else fp.import_folder(FILMS)
    dataset = fp.torch.PathDataset(
        kg, hops=3, seed=1, paths_per_user=arguments.paths_per_user, batch_size=arguments.batch_size
    )
    collate = fp.torch.LegalCollator(dataset, rivals=64)
    # The data set makes the batches itself.
    loader = DataLoader(dataset, batch_size=None, collate_fn=collate)
    config = GPT2Config(
        vocab_size=len(kg.words()),
        n_positions=dataset.width,
        n_embd=64,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=1,
    )
    network = GPT2LMHeadModel(config)
    trained = DistributedDataParallel(network) if is_distributed else network
    optimiser = torch.optim.AdamW(trained.parameters(), lr=3e-3)
    seen: set[int] = set()
    for step, batch in enumerate(itertools.islice(loader, arguments.steps)):
        seen.update(batch["input_ids"][:, 0].tolist())
        logits = trained(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        loss = collate.loss(logits, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if rank == 0 and step % 50 == 0:
            print(f"step {step}: {loss.item():.3f} nats for each token among the legal ones")

    users_seen = [seen]
    if is_distributed:
        users_seen = [set() for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather_object(users_seen, seen)

    if rank == 0:
        print(f"paths of {len(set().union(*users_seen))} users of {len(kg.users())}, by {len(users_seen)} processes")
        with tempfile.TemporaryDirectory() as place:
            network.save_pretrained(place)
            kg.save_tokenizer(place, max_tokens=dataset.width)
            model = fp.Model.from_huggingface(place, kg)
        for row in model.recommend(users=kg.users()[:1], k=5):
            print(f"{row['rank']}. {row['label']}: {row['because']}")
        print(fp.evaluate(kg, model, k=10))
    if is_distributed:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
