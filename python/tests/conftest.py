"""What the tests share: the films as a graph, and a model so small that it is trained in seconds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import footpath as fp

ROOT = Path(__file__).resolve().parents[2]
FILMS = ROOT / "data" / "films"


@pytest.fixture(scope="session")
def films_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the graph of the films."""
    path = tmp_path_factory.mktemp("films") / "kg"
    fp.import_folder(FILMS, out=path)
    return path


@pytest.fixture(scope="session")
def films(films_path: Path) -> fp.Kg:
    """The graph of the films."""
    return fp.Kg(films_path)


@pytest.fixture(scope="session")
def tiny(films: fp.Kg, tmp_path_factory: pytest.TempPathFactory) -> fp.Model:
    """A model of the films that has learned little."""
    out = tmp_path_factory.mktemp("tiny") / "model"
    return fp.train(films, out=out, preset="tiny", paths_per_user=20, validations_per_epoch=1, linear=False)


@pytest.fixture
def in_repository() -> object:
    """Runs a test in the root of the repository."""
    before = os.getcwd()
    os.chdir(ROOT)
    yield
    os.chdir(before)
