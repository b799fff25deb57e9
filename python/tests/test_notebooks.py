"""The notebooks run from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

FOLDER = ROOT / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NEEDS = {"your_own_model": ("torch", "transformers"), "cluster": ("distributed",)}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "notebooks are kept without what they print"
    for needed in NEEDS.get(path.stem, ()):
        pytest.importorskip(needed)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 5
