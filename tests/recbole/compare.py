#!/usr/bin/env python3
"""Judge the same lists by RecBole's evaluator and by `footpath evaluate`, and compare the figures.

    python3 -m venv venv && venv/bin/pip install recbole        # takes torch along
    venv/bin/python tests/recbole/compare.py FOLDER KG RECS.tsv [FOOTPATH]

FOLDER holds `items.tsv` and `interactions.tsv` with a `split` column, and KG is its import; RECS has one list of at
least 20 items for every user with test items, as `footpath recommend --tsv` writes it. No part of CI: it needs the
network once. Exit status 1 when a figure differs by more than 1e-9.
"""

import collections
import csv
import json
import subprocess
import sys

import numpy as np
import torch

np.float = float  # RecBole 1.2.1 still uses the name, which NumPy has dropped
from recbole.evaluator.metrics import MAP, MRR, NDCG, GiniIndex, Hit, ItemCoverage, Precision, Recall  # noqa: E402


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


class Struct:
    """What RecBole's collector hands to its metrics."""

    def __init__(self, **data):
        self.data = data

    def get(self, name):
        return self.data[name]


def main(folder, kg, recs, footpath="footpath"):
    relevant, known, items = collections.defaultdict(set), collections.defaultdict(set), set()
    for row in rows(f"{folder}/interactions.tsv"):
        items.add(row["item_id"])
        if row["split"] == "test":
            relevant[row["user_id"]].add(row["item_id"])
        elif row["split"] == "valid":
            known[row["user_id"]].add(row["item_id"])
    items.update(row["item_id"] for row in rows(f"{folder}/items.tsv"))
    lists = collections.defaultdict(list)
    for row in rows(recs):
        if row["item"] not in known[row["user"]]:
            lists[row["user"]].append(row["item"])
    users, ids = sorted(relevant), {item: number for number, item in enumerate(sorted(items), 1)}
    worst = 0.0
    for k in (1, 5, 10, 20):
        hits = np.array([[item in relevant[user] for item in lists[user][:k]] for user in users], dtype=int)
        numbers = np.array([[len(relevant[user])] for user in users])
        shown = torch.tensor([[ids[item] for item in lists[user][:k]] for user in users])
        struct = Struct(
            **{
                "rec.topk": torch.from_numpy(np.concatenate([hits, numbers], axis=1)),
                "rec.items": shown,
                "data.num_items": len(ids),
            }
        )
        config = {"topk": [k], "metric_decimal_place": 10}
        answer = subprocess.run(
            [footpath, "evaluate", "--kg", kg, "--recs", recs, "-k", str(k), "--json"], capture_output=True, check=True
        )
        ours = json.loads(answer.stdout)
        names = {Hit: "hr", NDCG: "ndcg", MRR: "mrr", MAP: "map", Precision: "precision", Recall: "recall"}
        names = {metric: f"{name}@{k}" for metric, name in names.items()}
        for metric, name in {**names, ItemCoverage: "item_coverage", GiniIndex: "gini"}.items():
            [(_, theirs)] = metric(config).calculate_metric(struct).items()
            difference = abs(theirs - ours[name])
            print(f"k {k:2}  {name:14} RecBole {theirs:.10f}  Footpath {ours[name]:.10f}  difference {difference:.1e}")
            worst = max(worst, difference)
    print(f"greatest difference: {worst:.1e}")
    return 1 if worst > 1e-9 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
