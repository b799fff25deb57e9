"""hopwise alone: samples paths with its own sampler and prints what it took as one object.

hopwise_side.py DATA_PATH PATHS_PER_USER WORKERS
"""

import json
import logging
import resource
import sys
import time
import warnings
from importlib.metadata import version

import psutil
from hopwise.config import Config
from hopwise.data.dataset.kg_dataset import KnowledgeBasedDataset
from hopwise.data.dataset.kg_path_dataset import KnowledgePathDataset
from hopwise.utils import init_seed

from atomic import NAME, SETS

warnings.filterwarnings("ignore")
SECONDS = {}


def timed(name):
    """Adds up how long a method takes, without any other change to it."""
    method = getattr(KnowledgePathDataset, name)

    def timing(*arguments, **named):
        begun = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            SECONDS[name] = SECONDS.get(name, 0.0) + time.perf_counter() - begun

    setattr(KnowledgePathDataset, name, timing)


def settings(data_path, paths_per_user, workers):
    return {
        "data_path": data_path,
        "benchmark_filename": SETS,
        "load_col": {
            "inter": ["user_id", "item_id"],
            "kg": ["head_id", "relation_id", "tail_id"],
            "link": ["item_id", "entity_id"],
        },
        "path_hop_length": 3,
        "MAX_PATHS_PER_USER": paths_per_user,
        "path_sample_args": {
            "strategy": "constrained-rw",
            "collaborative_path": False,
            "restrict_by_phase": True,
            "temporal_causality": False,
            "parallel_max_workers": workers,
        },
        "use_gpu": False,
        "show_progress": False,
        "progress_bar_rich": False,
        "state": "ERROR",
    }


def cpu_seconds():
    """Of this process and its workers."""
    this = psutil.Process()
    times = [process.cpu_times() for process in [this, *this.children(recursive=True)]]
    return sum(t.user + t.system for t in times)


def main(data_path, paths_per_user, workers):
    config = Config(model="PEARLM", dataset=NAME, config_dict=settings(data_path, int(paths_per_user), int(workers)))
    init_seed(config["seed"], config["reproducibility"])
    logging.getLogger().setLevel(logging.ERROR)
    dataset = KnowledgePathDataset(config)
    # What `KnowledgePathDataset.build` does before it samples.
    train = KnowledgeBasedDataset.build(dataset)[0]
    assert (train.strategy, train.collaborative_path, train.restrict_by_phase) == ("constrained-rw", False, True)
    parts = [
        "_create_ckg_igraph",
        "_generate_user_paths_constrained_random_walk",
        "_add_paths_relations",
        "_format_path",
    ]
    for name in parts:
        timed(name)
    before, begun = cpu_seconds(), time.perf_counter()
    train.generate_user_path_dataset()
    seconds, cpu = time.perf_counter() - begun, cpu_seconds() - before
    graph, walks, relations, text = (SECONDS[name] for name in parts)
    paths = train.path_dataset.splitlines()
    print(
        json.dumps(
            {
                "version": version("hopwise"),
                "users": train.user_num - 1,
                "num_paths": len(paths),
                "draws": (train.user_num - 1) * int(paths_per_user),
                "example": paths[0],
                "sampler_seconds": seconds,
                "graph_seconds": graph,
                "walk_seconds": walks,
                "relation_seconds": relations,
                "text_seconds": text,
                "cpu_seconds": cpu,
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "worker_peak_bytes": worker_peak(),
            }
        )
    )


def worker_peak():
    """Most memory that one of the workers holds at the end, in bytes; they are kept for a while."""
    return max((process.memory_info().rss for process in psutil.Process().children(recursive=True)), default=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
