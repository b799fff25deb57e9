"""Feeding a model of torch: beside another library's loader, and how long training waits for data.

Torch and each loader have one thread, and loaders are timed by the processor time they take, as the machine may be
busy with other things.
"""

import itertools
import pathlib
import statistics
import time
from importlib.metadata import version

import footpath
import torch
from house import Child
from torch.utils.data import DataLoader
from turns import figure, in_turn

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
BATCH = 128
OUR_BATCHES = 4000
THEIR_BATCHES = 400
WALK = "(:user)-[:interacted]->(:item)-[]-(:!(user|item))-[]-(:item)"
STEPS = 60
WARM_UP = 5
RIVALS = 64
MAX_WAIT = 0.02
# As the preset `small` of `footpath train`.
WIDTH, LAYERS, HEADS = 64, 2, 2


torch.set_num_threads(1)


def fed(loader, number, tokens_of):
    """Tokens a second of processor time that a loader feeds in so many batches, the first left out."""
    batches = iter(loader)
    for _ in range(WARM_UP):
        next(batches)
    begun = time.process_time()
    tokens = sum(tokens_of(batch) for batch in itertools.islice(batches, number))
    return tokens / (time.process_time() - begun)


def feed(work):
    """Batches of fresh walks user, item, entity, item to any item, against PyG's MetaPath2Vec by its own loader.

    Each is asked for 128 walks at a time, in the process that asks. A walk of PyG's is counted as seven tokens like
    ours, though it names its four nodes only; the negative walks that its loader draws as well are not counted.
    """
    kg = footpath.Kg(work.kg, progress=False)
    dataset = footpath.torch.PathDataset(kg, pattern=WALK, law="walk", damping=0.0, end="any", batch_size=BATCH)
    return beside_pyg(kg, dataset, None, "the loader of MetaPath2Vec", len)


def feed_train(work):
    """The paths that `footpath train` learns from, which end at another item that the user chose, against those of
    PyG's walks that happen to."""
    kg = footpath.Kg(work.kg, progress=False)
    dataset = footpath.torch.PathDataset(kg, pattern=WALK, batch_size=BATCH)
    pairs = torch.tensor(sorted(chosen_pairs(kg)), dtype=torch.int64)
    own = torch.zeros(tuple(int(most) + 1 for most in pairs.max(dim=0).values), dtype=torch.bool)
    own[pairs[:, 0], pairs[:, 1]] = True

    count = counts(kg)

    def kept(walks):
        # Nodes of PyG are numbered by type in the order entity, item, user.
        user, first, last = walks[:, 0] - count["entity"] - count["item"], walks[:, 1], walks[:, 3]
        there = (last < count["entity"] + count["item"]) & (last != first)
        item = (last - count["entity"]).clamp(0, own.shape[1] - 1)
        return int((there & own[user, item]).sum())

    return beside_pyg(kg, dataset, 20.0, "the walks of MetaPath2Vec that end at an own item", kept)


def feed_hopwise(work):
    """The same paths, against those that hopwise draws for the loader of its training: fifty for each user, once. Its
    loader then gives the same ones again and again."""
    import atomic

    if work.hopwise is None:
        return None
    kg = footpath.Kg(work.kg, progress=False)
    loader = loader_of(footpath.torch.PathDataset(kg, pattern=WALK, batch_size=BATCH))
    ours = lambda: fed(loader, OUR_BATCHES, tokens_of)  # noqa: E731
    before = ours()
    _, folder = atomic.write(work.data, work.scratch)
    side = PEERS / "hopwise_side.py"
    theirs = Child([work.hopwise, side, folder.parent, "50", "0"]).json()
    rate = min(before, ours())
    drawn = 7 * theirs["num_paths"] / theirs["cpu_seconds"]
    return figure(rate, "tokens/s", rate / drawn, f"hopwise {theirs['version']}, its sampler", 20.0)


def loader_of(dataset):
    return DataLoader(dataset, batch_size=None, collate_fn=footpath.torch.LegalCollator(dataset))


def tokens_of(batch):
    return int(batch["attention_mask"].sum())


def beside_pyg(kg, dataset, goal, what, kept):
    """Tokens a second of a data set, against those of PyG's walks that are kept."""
    ours = loader_of(dataset)
    theirs = walks_of_pyg(kg).loader(batch_size=BATCH, shuffle=True)
    endless = lambda: itertools.chain.from_iterable(itertools.repeat(theirs))  # noqa: E731
    return in_turn(
        "tokens/s",
        f"PyG {version('torch-geometric')}, {what}",
        goal,
        lambda: fed(ours, OUR_BATCHES, tokens_of),
        lambda: fed(endless(), THEIR_BATCHES, lambda batch: 7 * kept(batch[0])),
    )


def counts(kg):
    """How many nodes there are of each type."""
    found = {"user": 0, "item": 0, "entity": 0}
    for row in kg.nodes():
        found[kind_of(row["node"])] += 1
    return found


def kind_of(node):
    return node.split(":", 1)[0]


def places(kg):
    """The number of each node among those of its type."""
    found, count = {}, {"user": 0, "item": 0, "entity": 0}
    for row in kg.nodes():
        kind = kind_of(row["node"])
        found[row["node"]] = count[kind]
        count[kind] += 1
    return found


def chosen_pairs(kg):
    """Users with the items that they chose, by number."""
    place = places(kg)
    return [(place[row["head"]], place[row["tail"]]) for row in kg.facts() if kind_of(row["head"]) == "user"]


def told_pairs(kg):
    """Items with the entities that they are related to, by number."""
    place, facts = places(kg), kg.facts(interactions=False)
    ends = [(row["head"], row["tail"]) for row in facts]
    return [
        (place[head], place[tail]) for head, tail in ends if (kind_of(head), kind_of(tail)) == ("item", "entity")
    ]


def walks_of_pyg(kg):
    """PyG's sampler of walks user - item - entity - item, on the facts of the graph whatever their relation."""
    from torch_geometric.nn import MetaPath2Vec

    chosen, told = chosen_pairs(kg), told_pairs(kg)
    edges = lambda pairs: torch.tensor(sorted(pairs), dtype=torch.int64).t().contiguous()  # noqa: E731
    metapath = [("user", "chose", "item"), ("item", "has", "entity"), ("entity", "of", "item")]
    index = [edges(chosen), edges(told), edges([(tail, head) for head, tail in told])]
    return MetaPath2Vec(
        dict(zip(metapath, index)),
        embedding_dim=1,
        metapath=metapath,
        walk_length=3,
        context_size=4,
        walks_per_node=1,
        num_nodes_dict=counts(kg),
    )


def wait(work):
    """Share of the time that the training of a GPT-2 of preset size waits for its batches, legal candidates included;
    the value is in percent."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    kg = footpath.Kg(work.kg, progress=False)
    dataset = footpath.torch.PathDataset(kg, hops=3, batch_size=BATCH, threads=1)
    collate = footpath.torch.LegalCollator(dataset, rivals=RIVALS)
    config = GPT2Config(
        vocab_size=len(kg.words()),
        n_positions=dataset.width,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=0,
        eos_token_id=1,
    )
    network = GPT2LMHeadModel(config).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    batches = iter(DataLoader(dataset, batch_size=None, collate_fn=collate))
    waits, steps = [], []
    for _ in range(WARM_UP + STEPS):
        begun = time.perf_counter()
        batch = next(batches)
        waits.append(time.perf_counter() - begun)
        logits = network(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        optimiser.zero_grad()
        collate.loss(logits, batch).backward()
        optimiser.step()
        steps.append(time.perf_counter() - begun)
    share = sum(waits[WARM_UP:]) / sum(steps[WARM_UP:])
    against = f"2 % of the time of training; a step takes {1e3 * statistics.median(steps[WARM_UP:]):.0f} ms"
    return figure(100 * share, "%", MAX_WAIT / share, against, 1.0)


BENCHES = {
    "python/path-dataset": feed,
    "python/path-dataset-train": feed_train,
    "python/path-dataset-hopwise": feed_hopwise,
    "python/gpt2-wait": wait,
}
