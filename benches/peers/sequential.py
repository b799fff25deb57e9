"""SASRec with the softmax over all items, tuned on valid: what a transformer over histories reaches without a graph.

sequential.py TABLES --out LISTS.tsv [--seed N] [--threads N] [--epochs N]

TABLES is what `footpath export-graph KG --format tables` writes: the log with its split. LISTS.tsv is read by
`footpath evaluate --kg KG --recs LISTS.tsv`, so figures are made by the same code as ours. Progress goes to standard
error, the last line on standard output is an object: the setting chosen, its NDCG@10 on valid, seconds.

The model is that of Kang and McAuley (ICDM 2018) with what later work found to help: no sampled negatives (Klenitskiy
and Vasilev, RecSys 2023), norms before blocks, and, as another setting of the grid, targets that are any of the next
choices in place of the next alone. Histories are those of train, also on test, as ours are.
"""

import argparse
import collections
import csv
import itertools
import json
import pathlib
import sys
import time

import numpy
import torch
from torch import nn

AT_ONCE = 64
EPOCHS_BETWEEN = 2
PATIENCE = 5
GRID = {"dropout": [0.2, 0.5], "length": [50, 200], "ahead": [1, 8]}


class Log:
    """Who chose what, in order; items are numbers from 1, and 0 is nothing."""

    def __init__(self, folder):
        with open(folder / "interactions.tsv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        when = next((column for column in ("timestamp", "position") if column in rows[0]), None)
        if when:
            # Equal times stay in the order of the table.
            rows.sort(key=lambda row: float(row[when]))
        known = sorted({row["item_id"] for row in rows if row["split"] == "train"})
        self.items, number = known, {item: place for place, item in enumerate(known, start=1)}
        self.users = sorted({row["user_id"] for row in rows})
        self.chosen = {part: collections.defaultdict(list) for part in ("train", "valid", "test")}
        for row in rows:
            # What nobody chose in train cannot be recommended, and counts as missed.
            self.chosen[row["split"]][row["user_id"]].append(number.get(row["item_id"], 0))
        self.histories = [numpy.array(self.chosen["train"][user], dtype=numpy.int64) for user in self.users]


class SasRec(nn.Module):
    def __init__(self, num_items, width, length, dropout):
        super().__init__()
        self.length = length
        self.items = nn.Embedding(num_items + 1, width, padding_idx=0)
        self.places = nn.Embedding(length, width)
        self.biases = nn.Parameter(torch.zeros(num_items + 1))
        for table in (self.items, self.places):
            nn.init.normal_(table.weight, std=0.02)
        block = nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("ahead", torch.triu(torch.ones(length, length, dtype=torch.bool), 1))

    def forward(self, histories):
        """[users, length] of items, the latest last -> [users, length, width]"""
        length = histories.shape[1]
        places = self.places.weight[-length:]
        hidden = self.dropout(self.items(histories) + places)
        return self.blocks(hidden, mask=self.ahead[:length, :length], is_causal=True)

    def scores(self, hidden):
        """of all items; that of nothing is not to be looked at"""
        return hidden @ self.items.weight.t() + self.biases


def padded(histories, length):
    """The latest choices of each, nothing before them."""
    length = min(length, max((len(history) for history in histories), default=1))
    out = numpy.zeros((len(histories), max(length, 1)), dtype=numpy.int64)
    for row, history in zip(out, histories):
        latest = history[-length:]
        row[len(row) - len(latest) :] = latest
    return torch.from_numpy(out)


def epoch(model, optimizer, log, setting, draw):
    # Windows of a long history, each of which ends where the one after it begins.
    windows = [
        history[max(0, end - model.length - 1) : end]
        for history in log.histories
        for end in range(len(history), 1, -model.length)
    ]
    draw.shuffle(windows)
    total = 0.0
    for start in range(0, len(windows), AT_ONCE):
        some = windows[start : start + AT_ONCE]
        seen = padded([window[:-1] for window in some], model.length)
        following = padded([window[1:] for window in some], model.length)
        places = torch.arange(following.shape[1]).expand_as(following)
        steps = torch.from_numpy(draw.integers(0, setting["ahead"], size=tuple(following.shape)))
        targets = torch.gather(following, 1, (places + steps).clamp(max=following.shape[1] - 1))
        known = following > 0
        loss = nn.functional.cross_entropy(model.scores(model(seen)[known]), targets[known])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(some)
    return total / max(len(windows), 1)


@torch.no_grad()
def lists(model, log, known, k=10):
    """The best items of each user, without what they chose in the parts `known`, and their scores."""
    model.eval()
    found = []
    for start in range(0, len(log.users), AT_ONCE):
        users = range(start, min(start + AT_ONCE, len(log.users)))
        scores = model.scores(model(padded([log.histories[user] for user in users], model.length))[:, -1])
        scores[:, 0] = -torch.inf
        for row, user in zip(scores, users):
            for part in known:
                row[torch.tensor(log.chosen[part][log.users[user]], dtype=torch.int64)] = -torch.inf
        best = scores.topk(min(k, len(log.items)))
        found += list(zip(best.indices.tolist(), best.values.tolist()))
    model.train()
    return found


def ndcg(found, log, part, k=10):
    gains = 1 / numpy.log2(numpy.arange(k) + 2)
    figures = []
    for user, (items, _) in zip(log.users, found):
        right = set(log.chosen[part][user])
        if right:
            hits = sum(gain for gain, item in zip(gains, items) if item in right)
            figures.append(hits / gains[: len(log.chosen[part][user])].sum())
    return float(numpy.mean(figures)) if figures else 0.0


def trained(log, setting, seed, epochs):
    """The lists for test of the epoch that was best on valid, and its figure there."""
    torch.manual_seed(seed)
    draw = numpy.random.default_rng(seed)
    model = SasRec(len(log.items), 64, setting["length"], setting["dropout"])
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.1)
    best = (-1.0, 0, None)
    for number in range(1, epochs + 1):
        loss = epoch(model, optimizer, log, setting, draw)
        if number % EPOCHS_BETWEEN:
            continue
        figure = ndcg(lists(model, log, ["train"]), log, "valid")
        print(f"{setting}, epoch {number}: loss {loss:.3f}, valid {figure:.4f}", file=sys.stderr, flush=True)
        if figure > best[0]:
            best = (figure, number, lists(model, log, ["train", "valid"]))
        elif number >= best[1] + PATIENCE * EPOCHS_BETWEEN:
            break
    return best


def main():
    parser = argparse.ArgumentParser(description="SASRec, tuned on valid.")
    parser.add_argument("tables", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=100, help="at most")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    begun, log = time.monotonic(), Log(options.tables)
    settings = [dict(zip(GRID, values)) for values in itertools.product(*GRID.values())]
    longest = max(len(history) for history in log.histories)
    # Longer than any history is as long as the longest.
    settings = [setting for setting in settings if setting["length"] < longest or setting["length"] == 50]
    best = max(
        ((*trained(log, setting, options.seed, options.epochs), setting) for setting in settings),
        key=lambda tried: tried[0],
    )
    valid, at, found, setting = best
    with open(options.out, "w", encoding="utf-8") as file:
        file.write("user_id\trank\titem_id\tscore\n")
        for user, (items, scores) in zip(log.users, found):
            for rank, (item, score) in enumerate(zip(items, scores), start=1):
                if item:
                    file.write(f"{user}\t{rank}\t{log.items[item - 1]}\t{score}\n")
    told = {"setting": setting, "epoch": at, "valid": valid, "seconds": time.monotonic() - begun}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
