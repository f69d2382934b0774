"""A table of results and the small formats that all tables share."""

from dataclasses import dataclass
from pathlib import Path

from enpire.statistics.intervals import wilson


@dataclass(frozen=True, kw_only=True)
class Table:
    """One result table. Cells are ready to print."""

    name: str
    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Heading, note and a pipe table."""
        lines = [f"## {self.title}", "", self.note, "", _row(self.header), _row(("---",) * len(self.header))]
        return "\n".join([*lines, *map(_row, self.rows), ""])

    def write_csv(self, folder: Path) -> None:
        """The same cells as `<name>.csv`."""
        quoted = (",".join(f'"{cell}"' for cell in row) for row in (self.header, *self.rows))
        (folder / f"{self.name}.csv").write_text("\n".join(quoted) + "\n")


def share(successes: int, n: int) -> str:
    """Share with its 95 % Wilson interval."""
    low, high = wilson(successes, n)
    return f"{successes / n:.3f} [{low:.3f}, {high:.3f}]"


def with_error(mean: float, error: float, digits: int = 3) -> str:
    """Mean with half of its 95 % interval, 1.96 standard errors."""
    return f"{mean:.{digits}f} ± {1.96 * error:.{digits}f}"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
