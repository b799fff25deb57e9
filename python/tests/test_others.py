"""Other libraries: RecBole's files, NetworkX; PyKEEN and PyG where they are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

import footpath as fp


ITEMS = range(10, 80, 10)


def atomic_files(folder: Path) -> Path:
    folder.mkdir()
    chosen = [(user, item) for user in (1, 2, 3) for item in ITEMS if item != user * 10]
    (folder / "toy.inter").write_text(
        "user_id:token\titem_id:token\ttimestamp:float\n"
        + "".join(f"{user}\t{item}\t{user + item}\n" for user, item in chosen)
    )
    (folder / "toy.kg").write_text(
        "head_id:token\trelation_id:token\ttail_id:token\n" + "".join(f"m.{n}\tby\tm.9\n" for n in range(1, 8))
    )
    (folder / "toy.link").write_text(
        "item_id:token\tentity_id:token\n" + "".join(f"{n}0\tm.{n}\n" for n in range(1, 8))
    )
    return folder


@pytest.mark.parametrize("above", [False, True])
def test_recbole(tmp_path: Path, above: bool) -> None:
    folder = atomic_files(tmp_path / "toy")
    config = {"data_path": str(tmp_path if above else folder), "dataset": "toy"}
    kg = fp.datasets.from_recbole(config, split="none")
    assert kg.users() == ["1", "2", "3"] and kg.items() == [str(item) for item in ITEMS]
    with pytest.raises(fp.UsageError, match="there is no nope.inter"):
        fp.datasets.from_recbole({**config, "dataset": "nope"})
    with pytest.raises(fp.UsageError, match="data_path and dataset"):
        fp.datasets.from_recbole({})


def test_a_quick_start(tmp_path: Path) -> None:
    folder = atomic_files(tmp_path / "toy")
    config = {"data_path": str(folder), "dataset": "toy"}
    found = fp.datasets.quick_start(config, split="leave-one-out", preset="tiny", paths_per_user=2, k=2)
    assert 0.0 <= found["test_result"]["recall@2"] <= 1.0 and found["valid_score_bigger"]
    assert len(found["model"].recommend(k=1)) <= 3


def test_networkx(films: fp.Kg) -> None:
    networkx = pytest.importorskip("networkx")
    graph = fp.export.to_networkx(films, interactions=False)
    summary = films.summary()
    assert graph.number_of_edges() == summary["num_triples"]
    assert graph.nodes["item:alien-1979"]["label"] == "Alien (1979)"
    assert graph.has_edge("item:alien-1979", "entity:person-ridley-scott", key="directed_by")
    around = fp.export.neighbourhood(films, "item:alien-1979", hops=2, limit=5)
    assert networkx.is_weakly_connected(around)
    assert all(films.neighbours(head, relation, limit=10_000) for head, _, relation in around.edges(keys=True))


def test_rustworkx(films: fp.Kg) -> None:
    rustworkx = pytest.importorskip("rustworkx")
    graph = fp.export.to_rustworkx(films)
    summary = films.summary()
    assert graph.num_nodes() == len(films.nodes()) and graph.num_edges() == len(films.facts())
    place = {row["node"]: number for number, row in enumerate(graph.nodes())}
    assert graph[place["item:alien-1979"]] == {"node": "item:alien-1979", "type": "item", "label": "Alien (1979)"}
    director = graph.get_all_edge_data(place["item:alien-1979"], place["entity:person-ridley-scott"])
    assert {"relation": "directed_by", "weight": 1.0} in director
    assert fp.export.to_rustworkx(films, interactions=False).num_edges() == summary["num_triples"]
    around = rustworkx.networkx_converter(fp.export.neighbourhood(films, "item:alien-1979"))
    assert around.num_nodes() > 1


def test_pykeen(films: fp.Kg) -> None:
    pytest.importorskip("pykeen")
    factory = fp.export.to_pykeen(films, interactions=False)
    back = fp.export.from_pykeen(factory)
    there = {(row["head"], row["relation"], row["tail"]) for row in films.facts(interactions=False)}
    assert set(zip(back["head"], back["relation"], back["tail"])) == there
    made = fp.import_frames(
        interactions={"user_id": ["ann"], "item_id": ["item:alien-1979"]}, triples=back, split="none"
    )
    assert made.summary()["num_triples"] == len(there)


def test_pyg(films: fp.Kg) -> None:
    pytest.importorskip("torch_geometric")
    data = fp.export.to_pyg(films)
    assert sum(data[kind].num_nodes for kind in data.node_types) == len(films.nodes())
    assert sum(data[kind].edge_index.shape[1] for kind in data.edge_types) == len(films.facts())
