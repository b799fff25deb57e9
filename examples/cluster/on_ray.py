"""The films on Ray: a corpus, lists for everybody as a data set, and how good they are.

    python examples/cluster/on_ray.py data/films made

For a cluster that runs already: ``ray.init(address="auto")``. Nodes need the package `footpath` and pyarrow.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ray

import footpath as fp


def main(films: str, made: Path) -> None:
    ray.init(address="local", num_cpus=2)
    kg = fp.import_folder(films, out=made / "kg")
    model = fp.train(kg, out=made / "model", preset="tiny", paths_per_user=20)
    # Each node copies the graph to its own disk, once.
    graph = fp.ray.broadcast(ray, kg, cache=made / "cache")
    fp.ray.export(ray, graph, made / "corpus", folder=made / "parts", hops=3, paths_per_user=50, seed=7)
    fp.ray.recommend(ray, model, graph, k=10).write_parquet(str(made / "recs"))
    report = fp.ray.evaluate(ray, model, graph, k=10)
    print(f"corpus and lists are in {made}; NDCG@10 {report['ndcg@10']:.4f}")
    ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
