"""`enpire tool VERB`: the research tools for agents that have a shell but no MCP."""

import json as json_module
import os
import sys
import urllib.error
import urllib.request
from typing import Annotated

import typer

from enpire.cli import app
from enpire.core.errors import BadInput, EnpireError

VARIABLE = "ENPIRE_TOOLS"
TIMEOUT_S = 40.0


@app.command()
def tool(
    verb: Annotated[str, typer.Argument(help="submit, status, result, show, diff, episodes, ...")],
    arguments: Annotated[str, typer.Option("--json", metavar="OBJECT", help="Arguments as a JSON object.")] = "{}",
) -> None:
    """Ask a research tool from inside a researcher session. Exit code 1 if it refuses."""
    address = os.environ.get(VARIABLE, "")
    if not address:
        raise BadInput(f"{VARIABLE} is not set: this command works inside a researcher session only")
    try:
        json_module.loads(arguments)
    except ValueError as error:
        raise BadInput(f"--json is not JSON: {error}") from None
    request = urllib.request.Request(
        f"{address}/{verb}", data=arguments.encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            reply = json_module.load(answer)
    except urllib.error.HTTPError as error:
        raise EnpireError(f"{verb}: HTTP {error.code}: {error.read(500).decode(errors='replace')}") from None
    except OSError as error:
        raise EnpireError(f"the research tools do not answer: {error}") from None
    print(reply["text"])
    if reply.get("images"):
        print(f"({len(reply['images'])} images: use the MCP tool to see them)")
    if reply.get("refused"):
        sys.exit(1)
