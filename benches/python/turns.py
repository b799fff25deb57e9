"""Two things in turn, as in the other benchmarks: load of the machine meets both of a round alike."""

import statistics
import time

ROUNDS = 5


def rate(work):
    """Amount a second of a piece of work, which says how much it did."""
    begun = time.perf_counter()
    amount = work()
    return amount / (time.perf_counter() - begun)


def in_turn(unit, against, goal, ours, theirs, rounds=ROUNDS):
    """A figure: the median rate of ours, and the median over the rounds of ours over theirs. `ours` and `theirs` give a
    rate; each is called once before, to get warm."""
    ours(), theirs()
    rates, ratios = [], []
    for _ in range(rounds):
        rates.append(ours())
        ratios.append(rates[-1] / theirs())
    return figure(statistics.median(rates), unit, statistics.median(ratios), against, goal)


def figure(value, unit, ratio, against, goal):
    return {
        "value": value,
        "unit": unit,
        "ratio": ratio,
        "against": against,
        "goal": goal,
        "cpu_seconds": None,
        "cpu_seconds_against": None,
    }
