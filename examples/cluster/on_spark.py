"""The films on Spark: a data frame of paths, a corpus, lists for everybody, and how good they are.

    spark-submit --master 'local[2]' examples/cluster/on_spark.py data/films made

Executors need the package `footpath` and pyarrow, and see `made` at the same path.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyspark.sql import SparkSession

import footpath as fp


def main(films: str, made: Path) -> None:
    spark = SparkSession.builder.appName("footpath").getOrCreate()
    kg = fp.import_folder(films, out=made / "kg")
    model = fp.train(kg, out=made / "model", preset="tiny", paths_per_user=20)
    # Each node copies the graph to its own disk with the first task that needs it.
    graph = fp.spark.broadcast(spark, kg, cache=made / "cache")
    paths = fp.spark.sample(spark, graph, hops=3, paths_per_user=50, seed=7)
    paths.groupBy("item").count().orderBy("count", ascending=False).show(5)
    fp.spark.export(spark, graph, made / "corpus", folder=made / "parts", hops=3, paths_per_user=50, seed=7)
    fp.spark.recommend(spark, model, graph, k=10).write.mode("overwrite").parquet(str(made / "recs"))
    report = fp.spark.evaluate(spark, model, graph, k=10)
    print(f"corpus and lists are in {made}; NDCG@10 {report['ndcg@10']:.4f}")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
