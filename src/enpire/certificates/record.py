"""The certificate as a record, as a file, and what must hold inside it whoever made it."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec

from enpire.core.errors import BadInput
from enpire.core.files import sha256
from enpire.core.records import Ticket, VerifierErrors, encode
from enpire.statistics import one_sample
from enpire.statistics import verifier as card
from enpire.statistics.intervals import clopper_pearson, wilson

FORMAT = 2
MAX_BYTES = 8 * 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"claim-[a-z0-9-]{1,40}")
_MOST_SORTS, _MOST_FAILURES = 16, 10**9
_TOLERANCE = 1e-7
"""Relative: logarithms differ in their last digits from machine to machine."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A claim in numbers.

    Attributes:
        format: Version of this form.
        claim, task: Name of the claim in its campaign, name of the task.
        statement: The claim as a sentence.
        candidate: Commit of the workspace, and the hash of its content in `tree`.
        content: SHA-256 over the candidate's files, see `content_hash`.
        p0, alpha: Success rate claimed and error probability spent on this claim's test.
        verifier: What the task's verifier card said about the judge; None for a judge that needs none.
        card_alpha: Probability that the card's bound `fp_upper` is wrong; the claim as a whole errs with alpha more.
        fp_upper: Upper bound for the share of failures that the judge calls successes.
        q0: Success rate the judge must report so that the true one is at least p0.
        certified: Whether the evidence reaches 1 / alpha.
        episodes, successes: Fresh episodes run for this claim only.
        log_e: Natural logarithm of the e-value against "the judge reports success at a rate <= q0".
        lower_bound: Time-uniform lower bound of the rate the judge reports, at level alpha.
        true_lower_bound: The same corrected for `fp_upper`: of the true success rate, at level alpha + card_alpha.
        wilson, clopper_pearson: 95 % intervals, for comparison; not valid under optional stopping.
        stations: Successes and episodes per station.
        invalid: Episodes voided by the station's fault; each start state was replayed.
        candidates_looked_at: How many candidates the campaign had raced when this claim was closed.
        confinement: Isolation levels under which the episodes ran.
        manifest: Root of the freeze: everything that judged.
        spec: SHA-256 of the task's specification.
        records: SHA-256 of each `episode.json`, by ticket.
        seeds: SHA-256 over tickets and their start states, see `seeds_hash`.
        ledger_events, ledger_head: Length of the ledger with the claim's last episode and answer, and its chain hash.
        repeatable: Whether the campaign's key follows from `--seed`. Then anybody can make this signature.
        code: Version of enpire that issued it.
        public_key, signature: Ed25519, hexadecimal, over all the above.
    """

    format: int = FORMAT
    claim: str
    task: str
    statement: str
    candidate: str
    tree: str
    content: str
    p0: float
    alpha: float
    verifier: VerifierErrors | None
    card_alpha: float
    fp_upper: float
    q0: float
    certified: bool
    episodes: int
    successes: int
    log_e: float
    lower_bound: float
    true_lower_bound: float
    wilson: tuple[float, float]
    clopper_pearson: tuple[float, float]
    stations: dict[str, tuple[int, int]]
    invalid: int
    candidates_looked_at: int
    confinement: tuple[str, ...]
    manifest: str
    spec: str
    records: dict[str, str]
    seeds: str
    ledger_events: int
    ledger_head: str
    repeatable: bool
    code: str
    public_key: str = ""
    signature: str = ""


def statement(c: Certificate) -> str:
    """The claim as a sentence. Its alpha is all of what the claim may err with: the test's and the verifier card's."""
    text = f"success >= {c.p0:g} at alpha = {c.alpha + c.card_alpha:.4g}, n = {c.episodes} fresh episodes, "
    text += f"{len(c.stations)} stations"
    if c.verifier is None:
        return text
    text += f", by a judge that calls at most {card.percent_up(c.fp_upper)} of failures successes"
    return f"{text}; that is in doubt: {c.verifier.doubt}" if c.verifier.doubt else text


def seeds_hash(tickets: Sequence[Ticket]) -> str:
    """SHA-256 over (ticket, seed), in ticket order."""
    return sha256(encode(sorted((ticket.id, ticket.seed) for ticket in tickets)))


def content_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over path and SHA-256 of every file of a candidate, sorted."""
    return sha256(encode({path: sha256(content) for path, content in files.items()}))


def to_file(certificate: Certificate) -> bytes:
    """The one form of a certificate file: indented JSON, keys sorted."""
    return msgspec.json.format(encode(certificate), indent=2)


def from_file(data: bytes, source: str) -> Certificate:
    """Certificate from the bytes of a file, which must be exactly what `to_file` makes of it.

    So there is one reading only: no repeated keys, no unknown ones, no other spelling of a number.

    Raises:
        BadInput: It is not a certificate.
    """
    if len(data) > MAX_BYTES:
        raise BadInput(f"{source} is larger than {MAX_BYTES} bytes; that is no certificate")
    try:
        found: Certificate = msgspec.json.decode(data, type=Certificate)
        same = to_file(found) == data
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        if (b'"receipt"' in data and b'"signature"' not in data) or b'"format": 1,' in data:
            problem = "is of an older version of enpire; `enpire report` in its campaign writes it anew"
            raise BadInput(f"{source} {problem}") from None
        raise BadInput(f"{source} is not a certificate: {error}") from None
    if not same:
        raise BadInput(f"{source} was not written by enpire: a key is repeated or unknown, or its form was changed")
    return found


def read_file(path: Path) -> Certificate:
    """Certificate from a file; errors as `from_file`."""
    try:
        with path.open("rb") as file:
            return from_file(file.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        raise BadInput(f"cannot read the certificate {path}: {error.strerror}") from None


def inconsistencies(c: Certificate) -> list[str]:
    """Everything inside a certificate that cannot be as it says, from its own numbers alone; empty if it holds."""
    return list(_form(c)) or list(_numbers(c))


def differing(a: Certificate, b: Certificate, ignored: frozenset[str] = frozenset()) -> list[str]:
    """Names of the fields in which two certificates differ; computed numbers may differ in their last digits."""
    names = [field.name for field in fields(Certificate) if field.name not in ignored]
    return [name for name in names if not _alike(getattr(a, name), getattr(b, name))]


def _form(c: Certificate) -> Iterator[str]:
    if c.format != FORMAT:
        yield f"format {c.format}; this version of enpire reads format {FORMAT}"
    if not _NAME.fullmatch(c.claim):
        yield "claim is not the name of a claim"
    for name in ("content", "manifest", "spec", "seeds", "ledger_head"):
        if not _HASH.fullmatch(getattr(c, name)):
            yield f"{name} is not a SHA-256"
    for name in ("candidate", "tree"):
        if not _COMMIT.fullmatch(getattr(c, name)):
            yield f"{name} is not a Git id"
    if not (0 < c.p0 < 1 and 0 < c.alpha < 1):
        yield "p0 and alpha must be inside (0, 1)"
    if not (c.card_alpha == 0 if c.verifier is None else 1e-9 < c.card_alpha < 0.5):
        yield "card_alpha must be the share of a verifier card, inside (0, 0.5), and 0 without a card"
    if c.verifier is not None:
        counts = c.verifier.false_positives.values()
        if len(counts) > _MOST_SORTS or any(not 0 <= k <= n <= _MOST_FAILURES for k, n in counts):
            yield "the verifier card counts wrong calls that do not fit its failures"
    if not all(re.fullmatch("[1-9][0-9]{0,11}", k) and _HASH.fullmatch(v) for k, v in c.records.items()):
        yield "records are not SHA-256 by ticket number"
    if not (0 <= c.successes <= c.episodes and c.invalid >= 0 and c.episodes + c.invalid == len(c.records)):
        yield f"{c.episodes} episodes and {c.invalid} invalid ones do not fit {len(c.records)} records"
    if c.candidates_looked_at < 0 or c.ledger_events < 1:
        yield "a count is negative"


def _numbers(c: Certificate) -> Iterator[str]:
    n, k = c.episodes, c.successes
    if any(not 0 <= s <= m for s, m in c.stations.values()) or (
        (sum(s for s, _ in c.stations.values()), sum(m for _, m in c.stations.values())) != (k, n)
    ):
        yield "the stations' counts do not add up"
    if c.statement != statement(c):
        yield "the statement is not what the numbers say"
    bound = card.fp_upper(c.verifier, c.card_alpha)
    q0 = card.required_rate(c.p0, bound)
    if q0 >= 1:
        yield "nothing can be claimed: the verifier card does not exclude that every failure is called a success"
        return
    log_e = one_sample.log_e_value(k, n - k, q0)
    expected = {
        "fp_upper": bound,
        "q0": q0,
        "log_e": log_e,
        "lower_bound": one_sample.lower_bound(k, n - k, c.alpha),
        "true_lower_bound": card.true_lower_bound(k, n - k, c.alpha, bound),
        "wilson": tuple(wilson(k, n)),
        "clopper_pearson": tuple(clopper_pearson(k, n)),
        "certified": log_e >= -math.log(c.alpha),
    }
    for name, value in expected.items():
        if not _alike(getattr(c, name), value):
            yield f"{name} is {getattr(c, name)}, but {k} of {n} give {value}"


def _alike(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(_alike(x, y) for x, y in zip(a, b, strict=True))
    return a == b
