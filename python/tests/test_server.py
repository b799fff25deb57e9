"""The served API against its own description, by a fuzzer that reads it (schemathesis)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import footpath as fp

pytestmark = pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")

# What is wrong with an answer: a fault of the server, or anything that the description does not say.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@pytest.fixture
def address(films_path: Path, tiny: fp.Model, tmp_path: Path) -> Iterator[str]:
    """A server of the films that takes events; where it listens."""
    serve = ["-m", "footpath", "serve", "--kg", str(films_path), "--model", str(tiny.path)]
    more = ["--listen", "127.0.0.1:0", "--events", str(tmp_path / "events")]
    # A file, since a pipe that nobody reads would be full after some requests.
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen([sys.executable, *serve, *more], stderr=out)
    try:
        yield _listening(log)
    finally:
        server.terminate()
        server.wait(20)


def _listening(log: Path) -> str:
    for _ in range(600):
        for line in log.read_text().splitlines():
            if line.endswith("}") and json.loads(line)["event"] == "listening":
                return str(json.loads(line)["message"])
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_no_request_is_answered_as_the_description_does_not_say(address: str, tmp_path: Path) -> None:
    run = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", "--checks", ",".join(CHECKS)]
    how = ["--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--generation-deterministic"]
    quiet = ["--warnings", "off", "--no-color"]
    ended = subprocess.run([*run, *how, *quiet], capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    assert "No issues found" in ended.stdout, ended.stdout[-4000:]
