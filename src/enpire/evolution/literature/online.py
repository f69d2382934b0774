"""Papers from the network: arXiv and Semantic Scholar. What comes back was written by others and is quoted."""

import json
import queue
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from enpire.core.errors import BadInput
from enpire.evolution.ideas import plain
from enpire.evolution.literature.card import Card
from enpire.evolution.literature.index import words

TIME_S = 10.0
"""Both sources together have this long."""
MAX_BYTES = 1 << 20
MAX_ABSTRACT = 1200
MARK = "outside text"
_ATOM = {"a": "http://www.w3.org/2005/Atom"}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where to ask.

    Attributes:
        arxiv: Query address of the arXiv Atom API.
        semantic_scholar: Paper search address of the Semantic Scholar Graph API.
    """

    arxiv: str = "https://export.arxiv.org/api/query"
    semantic_scholar: str = "https://api.semanticscholar.org/graph/v1/paper/search"


PUBLIC = Sources()


def papers(
    query: str, *, limit: int = 5, sources: Sources = PUBLIC, time_s: float = TIME_S
) -> tuple[list[Card], list[str]]:
    """Papers that fit a query, and one line for each source that gave none. Never raises for what a source does.

    Takes up to `time_s`: do not call it from a loop that must go on.

    Args:
        query: Words to look for.
        limit: Papers per source, at most.
        sources: Where to ask.
        time_s: How long to wait for both.
    """
    asked = " ".join(words(query))
    if not asked:
        return [], []
    jobs: dict[str, Callable[[], list[Card]]] = {
        "arXiv": lambda: _arxiv(sources.arxiv, asked, limit, time_s),
        "Semantic Scholar": lambda: _semantic_scholar(sources.semantic_scholar, asked, limit, time_s),
    }
    answers: queue.SimpleQueue[tuple[str, list[Card] | str]] = queue.SimpleQueue()
    for name, job in jobs.items():
        threading.Thread(target=_put, args=(answers, name, job), name=f"literature {name}", daemon=True).start()
    end = time.monotonic() + time_s
    got: dict[str, list[Card] | str] = {}
    while len(got) < len(jobs):
        try:
            name, found = answers.get(timeout=max(end - time.monotonic(), 0.0))
        except queue.Empty:
            break
        got[name] = found
    merged: dict[str, Card] = {}
    notices = []
    for name in jobs:
        answer = got.get(name, f"no answer within {time_s:g} s")
        if isinstance(answer, str):
            notices.append(f"{name}: {answer}")
        else:
            for card in answer:
                merged.setdefault(plain(card.title).casefold(), card)
    return list(merged.values()), notices


def _put(answers: "queue.SimpleQueue[tuple[str, list[Card] | str]]", name: str, job: Callable[[], list[Card]]) -> None:
    import httpx2

    try:
        answers.put((name, job()))
    except BadInput as error:
        answers.put((name, str(error)))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        answers.put((name, plain(f"{type(error).__name__}: {error}")[:200]))


def _fetch(address: str, parameters: dict[str, str | int], time_s: float) -> str:
    """Body of an answer, UTF-8 text of bounded size.

    Raises:
        BadInput: It is not one; the message says why in one line.
    """
    import httpx2

    body, end = b"", time.monotonic() + time_s
    with (
        httpx2.Client(timeout=time_s, headers={"User-Agent": "enpire"}) as client,
        client.stream("GET", address, params=parameters) as answer,
    ):
        if answer.status_code != 200:
            raise BadInput(f"answered with status {answer.status_code}")
        for chunk in answer.iter_bytes(65536):
            body += chunk
            if len(body) > MAX_BYTES:
                raise BadInput(f"the answer is larger than {MAX_BYTES} bytes")
            if time.monotonic() > end:
                raise BadInput(f"no answer within {time_s:g} s")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("the answer is not UTF-8 text") from None


# ---------------------------------------------------------------------------- arXiv


def _arxiv(address: str, asked: str, limit: int, time_s: float) -> list[Card]:
    terms = " OR ".join(f"all:{word}" for word in asked.split())
    return read_atom(_fetch(address, {"search_query": terms, "start": 0, "max_results": limit}, time_s))[:limit]


def read_atom(text: str) -> list[Card]:
    """Papers of an Atom feed.

    Raises:
        BadInput: It is not one, or it declares a document type (through which entities could expand without end).
    """
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise BadInput("the answer declares a document type; refused")
    try:
        feed = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise BadInput(f"the answer is not XML: {plain(str(error))[:100]}") from None
    found = []
    for entry in feed.findall("a:entry", _ATOM):
        number = (entry.findtext("a:id", "", _ATOM)).rpartition("/abs/")[2]
        authors = [author.findtext("a:name", "", _ATOM) for author in entry.findall("a:author", _ATOM)]
        published = entry.findtext("a:published", "", _ATOM)[:4]
        found.append(
            _paper(
                name=f"arxiv:{number}",
                title=entry.findtext("a:title", "", _ATOM),
                authors=authors,
                year=int(published) if published.isascii() and published.isdigit() else 0,
                venue=f"arXiv:{number}",
                abstract=entry.findtext("a:summary", "", _ATOM),
            )
        )
    return [card for card in found if card.title]


# ---------------------------------------------------------------------------- Semantic Scholar


def _semantic_scholar(address: str, asked: str, limit: int, time_s: float) -> list[Card]:
    fields = "title,abstract,year,venue,authors"
    return read_graph(_fetch(address, {"query": asked, "limit": limit, "fields": fields}, time_s))[:limit]


def read_graph(text: str) -> list[Card]:
    """Papers of a Graph API answer.

    Raises:
        BadInput: It is not one.
    """
    try:
        found = json.loads(text)["data"]
        return [card for paper in found if (card := _graph_paper(paper)).title]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadInput("the answer is not a list of papers") from None


def _graph_paper(paper: dict[str, Any]) -> Card:
    return _paper(
        name=f"s2:{paper['paperId']}",
        title=paper.get("title") or "",
        authors=[author.get("name") or "" for author in paper.get("authors") or ()],
        year=int(paper.get("year") or 0),
        venue=paper.get("venue") or "",
        abstract=paper.get("abstract") or "",
    )


def _paper(*, name: str, title: str, authors: list[str], year: int, venue: str, abstract: str) -> Card:
    who = _short(", ".join(authors[:3]), 120) + (" et al." if len(authors) > 3 else "")
    abstract = _short(abstract, MAX_ABSTRACT) or "(no abstract)"
    return Card(
        name=_short(name, 60),
        title=_short(title, 200),
        year=year,
        tags=(MARK,),
        citation=", ".join(str(fact) for fact in (who, year, _short(venue, 80)) if fact),
        text="\n".join(f"> {line}" for line in textwrap.wrap(abstract, 110)) + "\n",
        sections={},
        outside=True,
    )


def _short(text: str, width: int) -> str:
    return textwrap.shorten(plain(text[: 4 * width]), width, placeholder="...")[:width]
