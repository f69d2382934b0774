"""The command line. One file per group of commands; each registers itself on `app`."""

import sys

import typer

from enpire.core.errors import Damaged, EnpireError, PolicyFault

app = typer.Typer(
    name="enpire",
    help="Turn a coding agent into a robot-policy researcher: reset, execute, verify, refine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point: errors a user can act on are one line on stderr, exit code 1 (2 for damage)."""
    from enpire.cli import claim, doctor, inspect, knowledge, run, station, task, tool, trial  # noqa: F401  they register their commands

    try:
        app()
    except PolicyFault as error:
        sys.exit(f"enpire: the policy failed: {error}")
    except Damaged as error:
        print(f"enpire: damaged: {error}", file=sys.stderr)
        sys.exit(2)
    except EnpireError as error:
        sys.exit(f"enpire: {error}")
