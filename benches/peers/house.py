"""Lines of figures as the other benches print them, and processes whose time and memory are known.

Only the standard library, and not much of it: the peak memory of a child is never below that of the process which
starts it.
"""

import json
import os
import statistics
import subprocess
import time


class Child:
    """A process that has ended: what it printed, and what it took."""

    def __init__(self, command):
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}: exit code {process.returncode}")
        self.seconds = time.perf_counter() - begun
        self.cpu_seconds = used.ru_utime + used.ru_stime
        self.peak_bytes = used.ru_maxrss * 1024

    def json(self):
        """The last line that it printed, as an object."""
        return json.loads(self.output.splitlines()[-1])


def footpath(*arguments):
    return Child([os.environ["FOOTPATH"], *map(str, arguments)])


def median(values):
    return statistics.median(values)


def figure(bench, value, unit, ratio, against, goal=None, cpu_seconds=None, cpu_seconds_against=None):
    return {
        "bench": bench,
        "value": value,
        "unit": unit,
        "ratio": ratio,
        "against": against,
        "goal": goal,
        "cpu_seconds": cpu_seconds,
        "cpu_seconds_against": cpu_seconds_against,
    }


def show(line, as_json):
    if as_json:
        print(json.dumps({key: rounded(value) for key, value in line.items()}), flush=True)
        return
    goal = "" if line["goal"] is None else f", goal {line['goal']:g}"
    cpu = ", ".join(
        "? s" if line[key] is None else f"{line[key]:.1f} s" for key in ["cpu_seconds", "cpu_seconds_against"]
    )
    head = f"{line['bench']:<26} {line['value']:>12.4e} {line['unit']:<9}"
    print(f"{head} {line['ratio']:>10.4g} times {line['against']}{goal} (CPU {cpu})", flush=True)


def rounded(value):
    return float(f"{value:.5g}") if isinstance(value, float) else value
