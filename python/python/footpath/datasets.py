"""Data sets as other libraries keep them."""

from __future__ import annotations

import os
from typing import Any, Protocol

from ._errors import UsageError
from ._graphs import Kg, import_folder
from ._shapes import PathLike

__all__ = ["from_recbole"]


class Config(Protocol):
    """Settings by name, as RecBole's ``Config`` has them; a dict will do."""

    def __getitem__(self, name: str, /) -> Any:
        """A setting."""


def from_recbole(config: Config, out: PathLike | None = None, **options: Any) -> Kg:
    """The graph of the atomic files that a RecBole configuration names by ``data_path`` and ``dataset``.

    ``data_path`` is the folder of the data set, as RecBole's ``Config`` has it, or the one above, as it is written in
    a settings file. ``options`` are those of `import_folder`.
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
