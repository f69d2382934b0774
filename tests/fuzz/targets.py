"""Everything that reads bytes which somebody else may have written, and a way to attack each with one random case."""

import faulthandler
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz.claims import Bundles, Certificates
from tests.fuzz.lines import Lines
from tests.fuzz.pages import Pages
from tests.fuzz.workers import Workers

TARGETS = {
    "lines": (Lines, 0.40),
    "worker frames": (Workers, 0.30),
    "certificates": (Certificates, 0.18),
    "ledger pages": (Pages, 0.10),
    "exported claims": (Bundles, 0.02),
}
"""Name to the attack and its share of all cases: quick ones get more."""
HANG_S = 60.0
"""A batch of 100 cases that takes longer ends the process, with a trace of where it hangs."""


@dataclass
class Found:
    """What came of many cases."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest_s: float = 0.0


def fuzz(name: str, cases: range, seed: int) -> Found:
    """Run cases by number; each is the same whenever target, number and seed are."""
    found = Found()
    log = logging.getLogger("enpire.core.line")
    level = log.level
    log.setLevel(logging.ERROR)  # a line per damaged message is too much
    with TARGETS[name][0]() as target:
        for number in cases:
            if found.cases % 100 == 0:
                faulthandler.dump_traceback_later(HANG_S, exit=True)
            started = time.perf_counter()
            try:
                found.outcomes[target.attack(random.Random(f"{seed}:{name}:{number}"))] += 1
            except Exception as error:  # a crash is what we look for
                found.failures.append(f"{name}, case {number}: {type(error).__name__}: {error}")
            took = time.perf_counter() - started
            found.cases, found.seconds = found.cases + 1, found.seconds + took
            found.slowest_s = max(found.slowest_s, took)
        faulthandler.cancel_dump_traceback_later()
    log.setLevel(level)
    return found
