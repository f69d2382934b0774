"""The tools of a task as a page for whoever writes policies."""

from collections.abc import Sequence

from enpire.tools import catalogue

HEAD = """# Tools

`tools.call(name, **arguments)` in `reset` or `select_action`. Poses are [x, y, z, qw, qx, qy, qz] in the world frame,
metres; joints are radians. A call that cannot be answered raises an exception whose type is named `ToolError`.
"""


def manual(names: Sequence[str]) -> str:
    """Markdown: what each tool does, takes and answers.

    Raises:
        ToolError: There is no such tool.
    """
    lines, records = [HEAD], dict[str, str]()
    for name in names:
        tool = catalogue.describe(name)
        records |= tool.records
        lines.append(f"## `{tool.name}`\n\n{tool.doc}\n")
        for parameter in tool.parameters:
            given = "" if parameter.required else f"; default `{parameter.default}`"
            lines.append(f"- `{parameter.name}`: {parameter.type}{given}. {parameter.doc}".rstrip())
        lines.append(f"- answer: {tool.returns}\n")
    if records:
        lines.append("## Records\n")
        lines += [f"- `{name}`: {fields}" for name, fields in sorted(records.items())]
    return "\n".join(lines) + "\n"
