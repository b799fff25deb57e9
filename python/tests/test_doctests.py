"""The examples in the documentation do what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
from conftest import ROOT

import footpath as fp

NEEDS = {"torch": "torch", "lenskit": "lenskit"}


def modules() -> list[str]:
    names = [module.name for module in pkgutil.iter_modules(fp.__path__) if module.name not in ("__main__", "_native")]
    return ["footpath", *(f"footpath.{name}" for name in sorted(names))]


@pytest.mark.parametrize("name", modules())
@pytest.mark.usefixtures("in_repository")
def test_examples_of(name: str, films: fp.Kg, tiny: fp.Model) -> None:
    needed = NEEDS.get(name.rpartition(".")[2])
    if needed:
        pytest.importorskip(needed)
    module = importlib.import_module(name)
    names = {"films": films.path, "tiny": tiny.path}
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def blocks() -> list[str]:
    """The examples of the book's page that are run."""
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    found = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    return [block for block in found if not block.startswith("# not run by the tests:")]


@pytest.mark.parametrize("place", range(len(blocks())))
@pytest.mark.usefixtures("in_repository")
def test_the_page_of_the_book(place: int) -> None:
    exec(compile(blocks()[place], f"docs/python.md, example {place}", "exec"), {})


def test_the_page_has_examples() -> None:
    assert len(blocks()) >= 2
