"""The verifier card: how often a task's judge is wrong, counted against the sealed truth and published with the task.

A card is a TOML file `tasks/verifier_cards/TASK.toml`, written by `benchmarks/verifier/card.py` and part of the freeze.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from enpire.core.errors import BadInput
from enpire.core.files import sha256_file
from enpire.core.records import VerifierErrors
from enpire.environment.freeze import PACKAGE
from enpire.statistics.intervals import Interval, clopper_pearson

FILE = "verifier_card.toml"
"""Its copy in a campaign folder and in an exported claim."""
NAME = "task/verifier_card"
"""Its line in the freeze."""


@dataclass(frozen=True, kw_only=True)
class CaseKind:
    """Cases of one kind, counted by what the judge said and what was true.

    Attributes:
        name: What these cases have in common.
        source: `laid` by hand, or met in a `campaign`, by its sealed log.
        hard: Whether the failures among them are close to a success or look like one. Claims use only these.
        true_positive, false_negative, unsure_positive: Successes that the judge saw, denied, or could not tell.
        true_negative, false_positive, unsure_negative: The same of failures: denied, taken for successes, not told.
    """

    name: str
    source: Literal["laid", "campaign"]
    hard: bool
    true_positive: int = 0
    false_negative: int = 0
    unsure_positive: int = 0
    true_negative: int = 0
    false_positive: int = 0
    unsure_negative: int = 0

    @property
    def positives(self) -> int:
        """True successes."""
        return self.true_positive + self.false_negative + self.unsure_positive

    @property
    def negatives(self) -> int:
        """True failures."""
        return self.true_negative + self.false_positive + self.unsure_negative


class Rate(NamedTuple):
    """So many of so many, with the 95 % Clopper-Pearson interval."""

    hits: int
    of: int
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class VerifierCard:
    """What was counted, and with which judge.

    Attributes:
        task: Name of the task.
        command: What measured it; the seeds are in it.
        options: Task options that the judge depends on, as they were. Easier stations (a lower `level`) are fine.
        stations: How many stations, drawn anew for the card, the cases were laid on.
        look_ms: Median and 95th percentile of the CPU time of one look, taking the picture included.
        judge: Files of this package that make the verdict, and the SHA-256 of each when it was measured.
        kinds: The counts.
    """

    task: str
    command: str
    options: dict[str, float]
    stations: int
    look_ms: tuple[float, float]
    judge: dict[str, str]
    kinds: tuple[CaseKind, ...]

    def total(self, *names: str) -> int:
        """Sum of these counts over all kinds."""
        return sum(getattr(kind, name) for kind in self.kinds for name in names)

    @property
    def precision(self) -> Rate:
        """Of what the judge calls a success, the share that is one; it depends on the mixture of cases."""
        return _rate(self.total("true_positive"), self.total("true_positive", "false_positive"))

    @property
    def recall(self) -> Rate:
        """Of the true successes, the share that the judge calls one."""
        return _rate(self.total("true_positive"), self.total("positives"))

    @property
    def missed(self) -> Rate:
        """False negatives, could-not-tell among them, of the true successes."""
        return _rate(self.total("false_negative", "unsure_positive"), self.total("positives"))

    def false_positives(self) -> dict[str, Rate]:
        """Hard failures called successes, by source; sources without hard failures are left out."""
        found = {}
        for source in ("laid", "campaign"):
            kinds = [kind for kind in self.kinds if kind.hard and kind.source == source]
            if failures := sum(kind.negatives for kind in kinds):
                found[source] = _rate(sum(kind.false_positive for kind in kinds), failures)
        return found

    def changed(self) -> list[str]:
        """Files of the judge that are no longer those it was measured with."""
        paths = {name: PACKAGE / name for name in self.judge}
        return [n for n, path in paths.items() if not path.is_file() or sha256_file(path) != self.judge[n]]

    def doubt(self, options: Mapping[str, float]) -> str:
        """Why the counts may not hold now, under these task options; empty if they do."""
        if changed := self.changed():
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            return f"the verifier card is stale: it was measured before {changed[0]}{more} changed"
        for name, then in self.options.items():
            now = options.get(name, then)
            if now > then if name == "level" else now != then:
                return f"the verifier card was measured with {name} = {then:g}, not {now:g}"
        return ""

    def errors(self, options: Mapping[str, float]) -> VerifierErrors:
        """What enters claims."""
        counts = {source: (rate.hits, rate.of) for source, rate in self.false_positives().items()}
        return VerifierErrors(false_positives=counts, doubt=self.doubt(options))


def read(path: Path) -> VerifierCard:
    """Card from its file.

    Raises:
        BadInput: It cannot be read, or is not a card.
    """
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise BadInput(f"cannot read the verifier card {path}: {error.strerror}") from None


def parse(data: bytes, source: str) -> VerifierCard:
    """Card from bytes; errors as `read`."""
    try:
        plain = tomllib.loads(data.decode())
        if unknown := sorted(plain.keys() - {field.name for field in fields(VerifierCard)}):
            raise BadInput(f"{source} is not a verifier card: unknown key {unknown[0][:60]!r}")
        card: VerifierCard = msgspec.convert(plain, type=VerifierCard)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeError, RecursionError, ValueError) as error:
        raise BadInput(f"{source} is not a verifier card: {error}") from None
    for kind in card.kinds:
        for field in fields(kind):
            if field.type is int and getattr(kind, field.name) < 0:
                raise BadInput(f"{source}: {field.name} of {kind.name!r} is negative")
    return card


def dump(card: VerifierCard) -> str:
    """The card as the text of its file."""
    lines = [f"{name} = {json.dumps(getattr(card, name))}" for name in ("task", "command", "stations")]
    lines += [f"look_ms = {json.dumps([round(ms, 1) for ms in card.look_ms])}", "", "[options]"]
    lines += [f"{name} = {value:g}" for name, value in sorted(card.options.items())] + ["", "[judge]"]
    lines += [f"{json.dumps(name)} = {json.dumps(digest)}" for name, digest in sorted(card.judge.items())]
    for kind in card.kinds:
        lines += ["", "[[kinds]]", *_table(kind)]
    return "\n".join(lines) + "\n"


def hashes(names: Sequence[str]) -> dict[str, str]:
    """SHA-256 of files of this package as they are now, by path below the package."""
    return {name: sha256_file(PACKAGE / name) for name in names}


def _table(kind: CaseKind) -> list[str]:
    values = {field.name: getattr(kind, field.name) for field in fields(kind)}
    return [f"{name} = {json.dumps(value)}" for name, value in values.items() if value != 0 or name == "hard"]


def _rate(hits: int, of: int) -> Rate:
    return Rate(hits, of, clopper_pearson(hits, of))
