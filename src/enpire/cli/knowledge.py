"""Carry knowledge in and out: distil a finished campaign, search the literature."""

import json as json_module
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from enpire.cli import app
from enpire.cli.inspect import AsJson, CampaignFolder, read_state


@app.command()
def distill(folder: CampaignFolder, out: Annotated[Path | None, typer.Option(help="Markdown file.")] = None) -> None:
    """What a campaign learned, as Markdown for the next one (`enpire run --knowledge FILE`): no data, no seeds."""
    from enpire.core.errors import BadInput
    from enpire.evolution.hub import Hub
    from enpire.evolution.knowledge import distill as write
    from enpire.ledger.folder import Folder

    text = write(read_state(folder), Hub(Folder(folder).hub))
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {out} cannot be written: {error.strerror or error}") from None
    print(out)


@app.command()
def literature(
    query: Annotated[
        list[str] | None, typer.Argument(help="Words to look for; none prints the table of contents.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="Cards to print.")] = 3,
    online: Annotated[bool, typer.Option("--online", help="Also ask arXiv and Semantic Scholar.")] = False,
    json: AsJson = False,
) -> None:
    """Search the shipped method cards; `--online` adds papers from the network."""
    from enpire.evolution.literature import answer, search

    asked = " ".join(query or [])
    if json:
        warn = lambda line: print(f"enpire: {line}", file=sys.stderr)  # noqa: E731
        print(
            json_module.dumps(
                [asdict(card) for card in search(asked, limit=limit, online=online, notice=warn)], indent=2
            )
        )
    else:
        sys.stdout.write(answer(asked, limit=limit, online=online, room=200_000))
