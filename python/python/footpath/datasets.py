"""Data sets as other libraries keep them."""

from __future__ import annotations

import os
from typing import Any, Protocol

from ._errors import UsageError
from ._graphs import Kg, import_folder
from ._judging import evaluate
from ._models import train
from ._shapes import PathLike, Value

__all__ = ["from_recbole", "quick_start"]


class Config(Protocol):
    """Settings by name, as RecBole's ``Config`` has them; a dict will do."""

    def __getitem__(self, name: str, /) -> Any:
        """A setting."""


def from_recbole(config: Config, out: PathLike | None = None, **options: Any) -> Kg:
    """The graph of the atomic files that a RecBole configuration names by ``data_path`` and ``dataset``.

    ``data_path`` is the folder of the data set, as RecBole's ``Config`` has it, or the one above, as it is written in
    a settings file. ``options`` are those of `import_folder`.

    >>> import footpath as fp
    >>> kg = fp.datasets.from_recbole({"data_path": recbole, "dataset": "toy"}, split="none")
    >>> kg.users()
    ['1', '2', '3']
    """
    try:
        path, name = os.fspath(config["data_path"]), str(config["dataset"])
    except (KeyError, TypeError) as error:
        raise UsageError(f"config: data_path and dataset must be there: {error}") from None
    folders = [path, os.path.join(path, name)]
    for folder in folders:
        if os.path.exists(os.path.join(folder, f"{name}.inter")):
            return import_folder(folder, out, **{"format": "recbole", **options})
    raise UsageError(f"config: there is no {name}.inter in {' or in '.join(folders)}")


def quick_start(config: Config, *, k: int = 10, split: str = "auto", **settings: Value) -> dict[str, Any]:
    """Imports what a RecBole configuration names, trains with these settings, and evaluates on valid and on test.

    The result has the names of RecBole's ``quick_start``: ``best_valid_score`` (NDCG), ``valid_score_bigger``,
    ``best_valid_result`` and ``test_result``, each with the metrics by name, such as ``recall@10``; and the ``model``.

    >>> import footpath as fp
    >>> config = {"data_path": recbole, "dataset": "toy"}
    >>> found = fp.datasets.quick_start(config, split="leave-one-out", preset="tiny", paths_per_user=2, k=2)
    >>> "recall@2" in found["test_result"], found["valid_score_bigger"]
    (True, True)
    """
    kg = from_recbole(config, split=split)
    model = train(kg, **settings)  # type: ignore[arg-type]
    valid, test = (evaluate(kg, model, k, on="valid").rows()[0], evaluate(kg, model, k).rows()[0])
    metrics = [name for name in test if name not in ("name", "setting") and not name.endswith(("_low", "_high"))]
    return {
        "best_valid_score": valid[f"ndcg@{k}"],
        "valid_score_bigger": True,
        "best_valid_result": {name: valid[name] for name in metrics},
        "test_result": {name: test[name] for name in metrics},
        "model": model,
    }
