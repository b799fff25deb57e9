"""The films on two worker processes of Dask: a corpus, lists for everybody, and how good they are.

    python examples/cluster/on_dask.py data/films made

For a cluster that runs already, give its address to ``Client``. Workers need the package `footpath`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import dask
from distributed import Client, LocalCluster

import footpath as fp


def main(films: str, made: Path) -> None:
    kg = fp.import_folder(films, out=made / "kg")
    model = fp.train(kg, out=made / "model", preset="tiny", paths_per_user=20)
    quiet, options = dask.config.set(fp.dask.QUIET), {"threads_per_worker": 1, "dashboard_address": None}
    with quiet, LocalCluster(n_workers=2, **options) as local, Client(local) as client:
        # Each node copies the graph to its own disk, once. On one machine it could as well stay where it is.
        graph = fp.dask.broadcast(client, kg, cache=made / "cache")
        fp.dask.export(client, graph, made / "corpus", folder=made / "parts", hops=3, paths_per_user=50, seed=7)
        fp.dask.export_lists(client, model, graph, made / "recs.jsonl", folder=made / "parts", k=10)
        report = fp.dask.evaluate(client, model, graph, k=10)
    print(f"corpus and lists are in {made}; NDCG@10 {report['ndcg@10']:.4f}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
