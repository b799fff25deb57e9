"""hopwise alone: constrained beam search of PEARLM with random weights, a round whenever a line comes in; prints an
object for each.

    decode_side.py DATA_PATH USERS USERS_AT_ONCE BEAMS K

The first object says what there is, each further one what a round took. No paths are sampled and nothing is trained:
the search takes as long with any weights. Everything that runs while the clock does is hopwise's own, but for the
clocks around its parts.
"""

import json
import logging
import resource
import sys
import time
import warnings
from importlib.metadata import version

import torch
import transformers
from hopwise.config import Config
from hopwise.data.dataset.kg_dataset import KnowledgeBasedDataset
from hopwise.data.dataset.kg_path_dataset import KnowledgePathDataset
from hopwise.data.interaction import Interaction
from hopwise.model.path_language_modeling_recommender.pearlm import PEARLM
from hopwise.utils import PathLanguageModelingTokenType, init_seed

from atomic import NAME, SETS
from hopwise_side import cpu_seconds

warnings.filterwarnings("ignore")
PARTS = {}


def settings(data_path, beams, k):
    return {
        "data_path": data_path,
        "benchmark_filename": SETS,
        "load_col": {
            "inter": ["user_id", "item_id"],
            "kg": ["head_id", "relation_id", "tail_id"],
            "link": ["item_id", "entity_id"],
        },
        "path_hop_length": 3,
        "embedding_size": 64,
        "num_layers": 2,
        "num_heads": 2,
        # One group, as ours: groups are code from the network with this version of transformers.
        "path_generation_args": {
            "paths_per_user": k,
            "num_beams": beams,
            "num_beam_groups": 1,
            "diversity_penalty": 0.0,
            "length_penalty": 0.0,
            "do_sample": False,
        },
        # Its default for path models; that of PEARLM does a softmax over the vocabulary for each token once more.
        "sequence_postprocessor": "BeamSearch",
        "use_gpu": False,
        "show_progress": False,
        "progress_bar_rich": False,
        "state": "ERROR",
    }


def timed(owner, name, label):
    """Adds up how long a method takes, without any other change to it."""
    method = getattr(owner, name)

    def timing(*arguments, **named):
        begun = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            PARTS[label] = PARTS.get(label, 0.0) + time.perf_counter() - begun

    setattr(owner, name, timing)


def without_network(_, **shape):
    """The shape that the hub has under this name, of which PEARLM replaces all sizes."""
    return transformers.GPT2Config(**shape)


def prompts(train, users):
    """What `KnowledgePathEvalDataLoader` begins with: [BOS] user interaction."""
    relation = train.field2token_id[train.relation_field][train.ui_relation]
    kinds = PathLanguageModelingTokenType
    texts = [f"{train.tokenizer.bos_token} {kinds.USER.token}{user} {kinds.RELATION.token}{relation}" for user in users]
    return Interaction(train.tokenizer(texts, return_tensors="pt", add_special_tokens=False).data)


def main(data_path, *numbers):
    users, at_once, beams, k = map(int, numbers)
    model, train, ask = load(data_path, beams, k)
    timed(model, "forward", "model")
    timed(type(model.logits_processor_list[0]), "__call__", "mask")
    everyone = range(1, train.user_num)
    rounds = max(min(users, len(everyone)) // at_once - 1, 1)
    # Spread over all, so that neither the long nor the short histories are left out; the first few warm it up and are
    # not counted.
    chosen = [everyone[place * len(everyone) // ((rounds + 1) * at_once)] for place in range((rounds + 1) * at_once)]
    turns = [prompts(train, chosen[turn :: rounds + 1]) for turn in range(rounds + 1)]
    with torch.no_grad():
        model.explain(turns.pop(), **ask)
        say(
            version=version("hopwise"),
            rounds=rounds,
            at_once=at_once,
            threads=torch.get_num_threads(),
            vocabulary=model.n_tokens,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
        )
        for inputs, _ in zip(turns, sys.stdin):
            PARTS.clear()
            before, begun = cpu_seconds(), time.perf_counter()
            _, found = model.explain(inputs, **ask)
            seconds, cpu = time.perf_counter() - begun, cpu_seconds() - before
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            say(users=at_once, seconds=seconds, cpu_seconds=cpu, items=len(found), peak_bytes=peak, **PARTS)


def load(data_path, beams, k):
    """The model, the data set and how `HFPathLanguageModelingTrainer` asks for paths."""
    transformers.AutoConfig.from_pretrained = without_network
    config = Config(model="PEARLM", dataset=NAME, config_dict=settings(data_path, beams, k))
    init_seed(config["seed"], config["reproducibility"])
    logging.getLogger().setLevel(logging.ERROR)
    train = KnowledgeBasedDataset.build(KnowledgePathDataset(config))[0]
    ask = {"return_dict_in_generate": True, "output_scores": True, **config["path_generation_args"]}
    return PEARLM(config, train).eval(), train, ask


def say(**facts):
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
