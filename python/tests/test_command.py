"""The command that the wheel brings."""

from __future__ import annotations

import signal
import subprocess
import sysconfig
import time
from pathlib import Path

from conftest import FILMS

import footpath as fp

COMMAND = Path(sysconfig.get_path("scripts")) / "footpath"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_it_is_the_program(tmp_path: Path) -> None:
    assert run("--version").stdout == f"footpath {fp.__version__}\n"
    assert run("import", FILMS, "--out", tmp_path / "kg").returncode == 0
    assert run("import", FILMS, "--out", tmp_path / "kg").returncode == 2
    assert run("info", tmp_path / "nothing").returncode == 4
    assert run("fly").returncode == 2
    assert fp.Kg(tmp_path / "kg").summary()["num_users"] == 480


def test_it_ends_at_an_interrupt(films: fp.Kg, tmp_path: Path) -> None:
    much = ["--hops", "3", "--paths-per-user", "1000000"]
    arguments = [COMMAND, "sample", films.path, "--out", tmp_path / "corpus", *much]
    child = subprocess.Popen(list(map(str, arguments)), stderr=subprocess.PIPE)
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=10) == 130
    assert not (tmp_path / "corpus").exists()
