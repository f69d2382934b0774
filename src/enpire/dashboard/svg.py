"""A few lines that write SVG. All text and attribute values are escaped here."""

from markupsafe import Markup, escape


def tag(name: str, *children: Markup | str, **attributes: str | float) -> Markup:
    """One element. `stroke_width=2` becomes `stroke-width="2"`; `class_` becomes `class`."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value) if isinstance(value, float) else value)}"'
        for key, value in attributes.items()
    )
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{name}{pairs}>{inside}</{name}>" if children else f"<{name}{pairs}/>")


def number(value: float) -> str:
    """Coordinate with at most one decimal."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if value == value else "0"


def group(*children: Markup | str, **attributes: str | float) -> Markup:
    """A `<g>` element."""
    return tag("g", *children, **attributes)


def curve(x0: float, y0: float, x1: float, y1: float) -> str:
    """Path data of a smooth curve that leaves and arrives horizontally."""
    middle = (x0 + x1) / 2
    points = [number(value) for value in (x0, y0, middle, y0, middle, y1, x1, y1)]
    return "M{},{} C{},{} {},{} {},{}".format(*points)
