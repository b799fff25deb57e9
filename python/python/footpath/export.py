"""Graphs for other libraries: NetworkX, rustworkx, PyKEEN and PyG; only the one that is asked for must be installed."""

# Without torch or LensKit, pyright takes a module of this package for it.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._graphs import Kg

if TYPE_CHECKING:
    import networkx
    import rustworkx
    from pykeen.triples import TriplesFactory
    from torch_geometric.data import HeteroData

__all__ = ["from_pykeen", "neighbourhood", "to_networkx", "to_pyg", "to_pykeen", "to_rustworkx"]


def to_networkx(kg: Kg, *, interactions: bool = True) -> networkx.MultiDiGraph[str]:
    """The train graph: nodes with ``type`` and ``label``, edges keyed by their relation, with ``weight``.

    >>> import footpath as fp
    >>> graph = fp.export.to_networkx(fp.Kg(films), interactions=False)
    >>> sorted(graph["item:alien-1979"]["entity:person-ridley-scott"])
    ['directed_by']
    """
    import networkx

    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    graph.add_nodes_from((row["node"], {"type": row["type"], "label": row["label"]}) for row in kg.nodes())
    for row in kg.facts(interactions=interactions):
        graph.add_edge(row["head"], row["tail"], key=row["relation"], relation=row["relation"], weight=row["weight"])
    return graph


def to_rustworkx(kg: Kg, *, interactions: bool = True) -> rustworkx.PyDiGraph[dict[str, Any], dict[str, Any]]:
    """The train graph, with a dict for each node (``node``, ``type``, ``label``) and each edge (``relation``,
    ``weight``). For a `neighbourhood` there is ``rustworkx.networkx_converter``.

    >>> import footpath as fp
    >>> graph = fp.export.to_rustworkx(fp.Kg(films))
    >>> graph.num_nodes() == len(fp.Kg(films).nodes()), graph.num_edges() == len(fp.Kg(films).facts())
    (True, True)
    """
    import rustworkx

    graph: rustworkx.PyDiGraph[dict[str, Any], dict[str, Any]] = rustworkx.PyDiGraph(multigraph=True)
    nodes = kg.nodes().to_dicts()
    places = dict(zip((row["node"] for row in nodes), graph.add_nodes_from(nodes)))
    graph.add_edges_from([
        (places[row["head"]], places[row["tail"]], {"relation": row["relation"], "weight": row["weight"]})
        for row in kg.facts(interactions=interactions)
    ])
    return graph


def neighbourhood(
    kg: Kg, nodes: str | Iterable[str], *, hops: int = 1, limit: int = 50
) -> networkx.MultiDiGraph[str]:
    """What lies around some nodes: at most ``limit`` neighbours of each, ``hops`` times over. Edges are as they were
    imported, whichever way they were followed.

    >>> import footpath as fp
    >>> around = fp.export.neighbourhood(fp.Kg(films), "item:alien-1979", hops=1, limit=5)
    >>> around.number_of_nodes()
    6
    """
    import networkx

    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    around = [nodes] if isinstance(nodes, str) else list(nodes)
    graph.add_nodes_from(around)
    seen = set(around)
    for _ in range(hops):
        found: list[str] = []
        for node in around:
            for row in kg.neighbours(node, limit=limit):
                relation, other = row["relation"], row["neighbour"]
                graph.add_node(other, label=row["label"])
                head, tail = (other, node) if relation.startswith("~") else (node, other)
                plain = relation.removeprefix("~")
                graph.add_edge(head, tail, key=plain, relation=plain, weight=row["weight"])
                if other not in seen:
                    seen.add(other)
                    found.append(other)
        around = found
    return graph


def to_pykeen(kg: Kg, *, interactions: bool = True) -> TriplesFactory:
    """The facts of the train graph as PyKEEN's triples.

    >>> import footpath as fp
    >>> kg = fp.Kg(films)
    >>> fp.export.to_pykeen(kg, interactions=False).num_triples == kg.summary()["num_triples"]
    True
    """
    import numpy
    from pykeen.triples import TriplesFactory

    rows = [(row["head"], row["relation"], row["tail"]) for row in kg.facts(interactions=interactions)]
    return TriplesFactory.from_labeled_triples(numpy.array(rows, dtype=str))


def from_pykeen(factory: TriplesFactory) -> dict[str, list[str]]:
    """The triples of a factory as a frame for `footpath.import_frames`.

    >>> import footpath as fp
    >>> frame = fp.export.from_pykeen(fp.export.to_pykeen(fp.Kg(films), interactions=False))
    >>> sorted(frame), len(frame["head"]) == fp.Kg(films).summary()["num_triples"]
    (['head', 'relation', 'tail'], True)
    """
    labelled = factory.label_triples(factory.mapped_triples)
    columns = enumerate(("head", "relation", "tail"))
    return {name: [str(label) for label in labelled[:, column]] for column, name in columns}


def to_pyg(kg: Kg, *, interactions: bool = True) -> HeteroData:
    """The train graph as PyG's ``HeteroData``: nodes by type with ``num_nodes`` and ``name``, edges by (type of the
    head, relation, type of the tail) with ``edge_index`` (2 × edges).

    >>> import footpath as fp
    >>> data = fp.export.to_pyg(fp.Kg(films))
    >>> data["user"].num_nodes, data["user", "interacted", "item"].edge_index.shape[0]
    (480, 2)
    """
    import torch
    from torch_geometric.data import HeteroData

    data = HeteroData()
    places: dict[str, tuple[str, int]] = {}
    names: dict[str, list[str]] = {}
    for row in kg.nodes():
        of_type = names.setdefault(row["type"], [])
        places[row["node"]] = (row["type"], len(of_type))
        of_type.append(row["node"])
    for kind, of_type in names.items():
        data[kind].num_nodes = len(of_type)
        data[kind].name = of_type
    edges: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for row in kg.facts(interactions=interactions):
        (head_type, head), (tail_type, tail) = places[row["head"]], places[row["tail"]]
        edges.setdefault((head_type, row["relation"], tail_type), []).append((head, tail))
    for key, pairs in edges.items():
        data[key].edge_index = torch.tensor(pairs, dtype=torch.int64).t().contiguous()
    return data
