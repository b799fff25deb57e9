"""Interrupts, callbacks, threads, processes, and objects after their end."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import FILMS

import footpath as fp


def interrupt_after(seconds: float) -> None:
    """Ctrl-C, in a while."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


@pytest.fixture(autouse=True)
def alarm_is_an_interrupt() -> Any:
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def ends_soon(work: Any, after: float, slack: float = 0.5) -> None:
    """`work` raises `KeyboardInterrupt` within moments of the interrupt, or is done before."""
    interrupt_after(after)
    begun = time.monotonic()
    try:
        work()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        assert time.monotonic() - begun < after + slack


def test_sampling_ends_at_an_interrupt(films: fp.Kg) -> None:
    paths = films.sample(hops=3, paths_per_user=1_000_000)
    begun = time.monotonic()
    interrupt_after(0.3)
    with pytest.raises(KeyboardInterrupt):
        paths.to_numpy()
    assert time.monotonic() - begun < 0.3 + 0.5


def test_training_ends_at_an_interrupt_and_goes_on(films: fp.Kg, tmp_path: Path) -> None:
    out = tmp_path / "model"
    options: dict[str, Any] = {"preset": "tiny", "paths_per_user": 60, "validations_per_epoch": 1, "linear": False}
    interrupt_after(1.5)
    with pytest.raises(KeyboardInterrupt):
        fp.train(films, out=out, epochs=200, patience=300, **options)
    assert not out.exists()
    with pytest.raises(fp.UsageError, match="unfinished=\"resume\""):
        fp.train(films, out=out, epochs=200, patience=300, **options)
    steps: list[dict[str, Any]] = []
    model = fp.train(films, out=out, epochs=1, patience=300, unfinished="resume", on_step=steps.append, **options)
    assert len(model.recommend("user-001", k=2)) == 2


def test_interrupts_at_random_moments_leave_nothing_half_done(tmp_path: Path, tiny: fp.Model) -> None:
    draw = random.Random(1)
    for number in range(60):
        out = tmp_path / f"kg-{number}"
        ends_soon(lambda: fp.import_folder(FILMS, out=out), draw.uniform(0.0005, 0.15))
        if out.exists():
            assert fp.Kg(out).summary()["num_items"] == 385
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")], "no temporary output is left"
    for _ in range(40):
        ends_soon(lambda: tiny.recommend(k=5), draw.uniform(0.0005, 0.3))


def test_a_callback_that_raises_ends_the_work(films: fp.Kg, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def listener(_: object) -> None:
        raise Enough

    with pytest.raises(Enough):
        films.sample(hops=3, paths_per_user=1_000_000).to_numpy(progress=listener)
    with pytest.raises(Enough):
        fp.train(films, out=tmp_path / "model", preset="tiny", epochs=100, on_step=listener)
    assert not (tmp_path / "model").exists()


def test_progress_is_told(films: fp.Kg) -> None:
    told: list[fp.Progress] = []
    films.sample(hops=3, paths_per_user=20_000).to_numpy(progress=told.append)
    assert told and all(progress.stage == "sampling" and progress.unit == "users" for progress in told)


def test_the_interpreter_goes_on_meanwhile(films: fp.Kg) -> None:
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.wait(0.005):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.monotonic()
    films.sample(hops=3, paths_per_user=40_000).to_numpy()
    lasted = time.monotonic() - begun
    done.set()
    thread.join()
    assert ticks > lasted / 0.005 * 0.2


def test_many_threads_use_one_model(tiny: fp.Model) -> None:
    expected = tiny.recommend("user-003", k=5).to_dicts()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tiny.recommend("user-003", k=5).to_dicts(), range(32)))
    assert all(other == expected for other in found)


def test_work_on_a_thread_that_is_not_the_main_one_can_be_told_of(films: fp.Kg) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: films.sample(hops=3, paths_per_user=5).to_numpy().shape).result() == (2400, 7)


def _recommend(model: fp.Model) -> list[str]:
    return model.recommend("user-001", k=3).to_polars()["item"].to_list()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes(method: str, tiny: fp.Model) -> None:
    expected = _recommend(tiny)
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        assert pool.map_async(_recommend, [tiny] * 4).get(timeout=120) == [expected] * 4


def test_joblib(tiny: fp.Model) -> None:
    joblib = pytest.importorskip("joblib")
    expected = _recommend(tiny)
    for backend in ("loky", "multiprocessing", "threading"):
        found = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(_recommend)(tiny) for _ in range(4))
        assert found == [expected] * 4


def test_a_forked_child_leaves_temporary_graphs_alone() -> None:
    kg = fp.import_folder(FILMS)
    child = os.fork()
    if child == 0:
        # A child that ends as a script does: with everything that is done at exit.
        try:
            del kg
            gc.collect()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert fp.Kg(kg.path).hash == kg.hash


def test_objects_come_back_from_a_pickle(tiny: fp.Model) -> None:
    again = pickle.loads(pickle.dumps(tiny))
    assert again.hash == tiny.hash and again.kg.hash == tiny.kg.hash


def test_a_graph_of_another_version_is_an_artefact_error(films_path: Path, tmp_path: Path) -> None:
    other = tmp_path / "kg"
    shutil.copytree(films_path, other)
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps({**manifest, "format_version": 999}))
    with pytest.raises(fp.ArtefactError, match="format version 999, this tool reads"):
        fp.Kg(other)


def test_closed_objects_say_so(films_path: Path, tiny: fp.Model) -> None:
    kg = fp.Kg(films_path)
    model = fp.Model(tiny.path, kg)
    paths = kg.sample(hops=3, paths_per_user=1)
    kg.close()
    with pytest.raises(fp.UsageError, match="the graph is closed"):
        kg.summary()
    assert len(model.recommend("user-001", k=1)) == 1, "a model keeps what it needs"
    assert paths.to_numpy().shape[0] > 0
    model.close()
    with pytest.raises(fp.UsageError, match="the model is closed"):
        model.recommend("user-001")
    with fp.Kg(films_path) as kg:
        assert kg.items()
    assert repr(kg) == "<Kg, closed>"


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
def test_a_thousand_cycles_do_not_grow(films_path: Path) -> None:
    def cycle() -> None:
        with fp.Kg(films_path, threads=1) as kg:
            kg.neighbours("item:alien-1979").to_polars()

    for _ in range(200):
        cycle()
    gc.collect()
    before = _resident_bytes()
    for _ in range(1000):
        cycle()
    gc.collect()
    assert _resident_bytes() - before < 16 << 20


def test_a_stream_that_is_not_read_is_let_go(films: fp.Kg) -> None:
    for _ in range(100):
        films.sample(hops=3, paths_per_user=1).__arrow_c_stream__()
    gc.collect()


def test_importing_takes_no_time() -> None:
    code = "import time; t = time.perf_counter(); import footpath; print(time.perf_counter() - t)"
    taken = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    assert min(taken) < 0.3, "60 ms on a machine that does nothing else"


def test_heavy_libraries_are_not_imported() -> None:
    code = textwrap.dedent("""
        import sys, footpath
        print([name for name in ("numpy", "pandas", "polars", "pyarrow", "torch") if name in sys.modules])
    """)
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
