"""Footpath: recommendations that explain themselves.

Frames in, frames out: a knowledge graph from your data, a path language model on it, and items with the paths that lead
there, each fact of which is one of yours.

>>> import footpath as fp
>>> kg = fp.import_frames(
...     interactions={"user_id": ["ann", "ann", "bob"], "item_id": ["alien", "heat", "alien"]},
...     triples={"head": ["alien", "blade runner"], "relation": ["directed_by"] * 2, "tail": ["scott"] * 2},
...     items={"item_id": ["alien", "blade runner"], "entity_id": ["alien", "blade runner"]},
...     split="none",
... )
>>> kg.count(hops=3, end="unseen")["total"]
3
"""

from __future__ import annotations

import importlib
from types import ModuleType

from . import _native
from ._errors import ArtefactError, Error, InputError, RuntimeFailure, Stopped, UsageError
from ._graphs import Kg, Paths, build_tables, import_folder, import_frames
from ._judging import Evaluation, Replay, audit, evaluate, replay, verify
from ._models import Model, Recommendations, Tuning, Why, WhyPath, train, tune
from ._parts import concat, concat_lists
from ._progress import Progress
from ._reports import Audit, Report, Summary, Verification
from ._tables import ArrowStream, Table

__version__: str = _native.__version__

__all__ = [
    "ArrowStream",
    "ArtefactError",
    "Audit",
    "Error",
    "Evaluation",
    "InputError",
    "Kg",
    "Model",
    "Paths",
    "Progress",
    "Recommendations",
    "Replay",
    "Report",
    "RuntimeFailure",
    "Stopped",
    "Summary",
    "Table",
    "Tuning",
    "UsageError",
    "Verification",
    "Why",
    "WhyPath",
    "__version__",
    "audit",
    "build_tables",
    "concat",
    "concat_lists",
    "evaluate",
    "import_folder",
    "import_frames",
    "replay",
    "train",
    "tune",
    "verify",
]

_SUBMODULES = ("dask", "datasets", "estimator", "export", "lenskit", "partition", "ray", "spark", "torch")


def __getattr__(name: str) -> ModuleType:
    # Whoever does not train with torch does not wait for it.
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
