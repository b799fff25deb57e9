"""Where graphs and models lie that were given no place, and that nothing of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars
import pytest

import footpath as fp
from footpath import _places

INTERACTIONS = {"user_id": ["ann", "ann", "bob"], "item_id": ["1", "2", "1"]}
TRIPLES = {"head": ["1", "2", "3"], "relation": ["by"] * 3, "tail": ["x"] * 3}
MAKE = f"""
import footpath as fp
kg = fp.import_frames(interactions={INTERACTIONS}, triples={TRIPLES}, split="none")
print(kg.path, flush=True)
"""


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that stands for the file system in memory, beside another for temporary files."""
    for name in ("memory", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(_places, "MEMORY", str(tmp_path / "memory"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "memory"


def made(interactions: Any = INTERACTIONS) -> fp.Kg:
    return fp.import_frames(interactions=interactions, triples=TRIPLES, split="none")


def test_frames_become_a_graph_in_memory(memory: Path) -> None:
    for frame in (INTERACTIONS, polars.DataFrame(INTERACTIONS), polars.DataFrame(INTERACTIONS).to_pandas()):
        with made(frame) as kg:
            assert Path(kg.path).is_relative_to(memory)
        assert list(memory.iterdir()) == []


def test_without_room_or_size_it_is_a_temporary_directory(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = polars.DataFrame(INTERACTIONS).lazy()
    assert not Path(made(unknown).path).is_relative_to(memory)
    monkeypatch.setattr(_places, "ROOM", 1 << 60)
    assert not Path(made().path).is_relative_to(memory)
    monkeypatch.setattr(_places, "MEMORY", str(memory / "nowhere"))
    assert Path(made().path).is_dir()


def test_what_was_made_of_a_closed_graph_goes_on(memory: Path) -> None:
    kg = made()
    model = fp.train(kg, preset="tiny", paths_per_user=2, linear=False)
    paths, model_path = kg.sample(hops=3, end="any", paths_per_user=2), Path(model.path)
    before = paths.to_numpy().tolist(), model.recommend("ann", k=1).to_dicts()
    kg.close()
    kg.close()
    assert list(memory.iterdir()) == []
    assert (paths.to_numpy().tolist(), model.recommend("ann", k=1).to_dicts()) == before
    model.close()
    assert not model_path.parent.exists()


def test_a_failure_leaves_nothing(memory: Path) -> None:
    with pytest.raises(fp.InputError):
        made({"user_id": [None], "item_id": ["1"]})
    assert list(memory.iterdir()) == [] and list((memory.parent / "temporary").iterdir()) == []


def child(place: Path, more: str = "") -> tuple[subprocess.Popen[str], Path]:
    """A process that has made a graph in a temporary directory below `place`, and the directory."""
    code = f"import footpath._places as p; p.MEMORY = {str(place)!r}\n{MAKE}{more}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip()).parent


def test_a_process_that_ends_leaves_nothing(memory: Path) -> None:
    process, root = child(memory)
    assert process.wait(timeout=60) == 0 and not root.exists()
    process, root = child(memory, "raise SystemExit(3)")
    assert process.wait(timeout=60) == 3 and not root.exists()


def test_what_a_killed_process_left_goes_with_the_next_and_what_a_living_one_has_stays(memory: Path) -> None:
    killed, left = child(memory, "import time; time.sleep(100)")
    living, kept = child(memory, "import time; time.sleep(100)")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(timeout=60)
    assert left.is_dir()
    (memory / "footpath-of-somebody-else").mkdir()
    made()
    assert not left.exists() and kept.is_dir() and (memory / "footpath-of-somebody-else").is_dir()
    living.terminate()
    living.wait(timeout=60)
