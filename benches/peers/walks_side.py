"""A peer alone: draws walks on a made-up graph and prints its rate by processor time as one object.

walks_side.py torch-cluster|pyg FOLDER HOPS
"""

import json
import pathlib
import statistics
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch

REPETITIONS = 3


def numbers(folder, table, columns):
    """The numbers in ids such as `e000382423`, and their letters."""
    rows = pd.read_csv(pathlib.Path(folder) / table, sep="\t", usecols=columns, dtype=str)[columns]
    return [(rows[c].str[1:].astype("int64").to_numpy(), rows[c].str[0].to_numpy()) for c in columns]


def arcs(folder):
    """Users with items, items with entities, entities with entities: pairs of arrays of numbers."""
    (users, _), (items, _) = numbers(folder, "interactions.tsv", ["user_id", "item_id"])
    (heads, kinds), (tails, _) = numbers(folder, "triples.tsv", ["head", "tail"])
    work = kinds == "w"
    return (users, items), (heads[work], tails[work]), (heads[~work], tails[~work])


def repeated(draw):
    """The rate of `draw`, which says how much it drew: by processor time, the median."""
    draw()
    rates, begun = [], time.process_time()
    for _ in range(REPETITIONS):
        start = time.process_time()
        amount = draw()
        rates.append(amount / (time.process_time() - start))
    return {"rate": statistics.median(rates), "cpu_seconds": time.process_time() - begun}


def torch_cluster(folder, hops):
    """Uniform walks from every node over all arcs."""
    import torch_cluster

    (users, items), (works, entities), (heads, tails) = arcs(folder)
    first_item = users.max() + 1
    first_entity = first_item + max(items.max(), works.max()) + 1
    ends = [
        users,
        items + first_item,
        works + first_item,
        entities + first_entity,
        heads + first_entity,
        tails + first_entity,
    ]
    rows = np.concatenate(ends)
    cols = np.concatenate([ends[1], ends[0], ends[3], ends[2], ends[5], ends[4]])
    order, nodes = np.argsort(rows, kind="stable"), int(rows.max()) + 1
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=nodes))]))
    targets = torch.from_numpy(cols[order])
    start = torch.arange(nodes)

    def draw():
        walks, _ = torch.ops.torch_cluster.random_walk(offsets, targets, start, hops, 1.0, 1.0)
        assert walks.shape == (nodes, hops + 1)
        return nodes * hops

    return {"name": f"torch-cluster {version('torch-cluster')}", "nodes": nodes, "arcs": len(cols), **repeated(draw)}


def pyg(folder, hops):
    """user - item - entity - item from every user, by the sampler of MetaPath2Vec."""
    from torch_geometric.nn import MetaPath2Vec

    (users, items), (works, entities), _ = arcs(folder)
    edges = lambda a, b: torch.from_numpy(np.stack([a, b]))
    metapath = [("user", "chose", "item"), ("item", "has", "entity"), ("entity", "of", "item")]
    index = dict(zip(metapath, [edges(users, items), edges(works, entities), edges(entities, works)]))
    counts = {
        "user": int(users.max()) + 1,
        "item": int(max(items.max(), works.max())) + 1,
        "entity": int(entities.max()) + 1,
    }
    model = MetaPath2Vec(
        index,
        embedding_dim=1,
        metapath=metapath,
        walk_length=3,
        context_size=4,
        walks_per_node=1,
        num_nodes_dict=counts,
    )
    batch = torch.arange(counts["user"])

    def draw():
        walks = model._pos_sample(batch)
        assert walks.shape == (len(batch), 4)
        return len(batch)

    draw_many = lambda: sum(draw() for _ in range(10))
    return {"name": f"PyG {version('torch-geometric')} MetaPath2Vec", "users": len(batch), **repeated(draw_many)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(1)
    peer, folder, hops = sys.argv[1:]
    print(json.dumps({"torch-cluster": torch_cluster, "pyg": pyg}[peer](folder, int(hops))))
