"""Numbers and untrusted text as people read them."""


def clean(text: str) -> str:
    """Text without control characters, escape sequences and direction overrides; line breaks and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str, width: int) -> str:
    """Clean text on one line of at most `width` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"


def percent(share: float | None, digits: int = 0) -> str:
    """`0.931` as `93 %`; a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def interval(bounds: tuple[float, float]) -> str:
    """`(0.86, 0.98)` as `86–98 %`."""
    return f"{100 * bounds[0]:.0f}–{100 * bounds[1]:.0f} %"


def count(successes: int, episodes: int) -> str:
    """`57 / 60`, or words when there is nothing to count."""
    return f"{successes} / {episodes}" if episodes else "no episodes"


def duration(seconds: float) -> str:
    """`42 s`, `7 min 05 s`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def grouped(number: int) -> str:
    """`1234567` as `1 234 567`, with narrow spaces that do not break."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def rounded_bound(bound: float, digits: int = 3) -> str:
    """A lower bound, always rounded down: a claim never grows in print."""
    return f"{int(bound * 10**digits) / 10**digits:.{digits}f}"
