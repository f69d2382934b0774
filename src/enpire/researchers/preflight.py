"""What agents need, checked before anything starts: programs, keys, logins. One line says what is missing."""

import os
from pathlib import Path

from enpire.agents.adapter import Upstream
from enpire.agents.team import Member, team
from enpire.core.config import CampaignConfig
from enpire.core.errors import BadInput, MissingProgram


def check_team(config: CampaignConfig) -> None:
    """See whether every researcher of a campaign could start.

    Raises:
        BadInput: The team cannot be read, or a setting fits none of its members.
        MissingProgram: A program, key or login is missing; the message says what to do.
    """
    members = {member.agent: member for member in team(config.agent, config.agents)}
    with_model = {name: member for name, member in members.items() if member.has_model}
    if unknown := sorted(set(config.models) - set(with_model)):
        known = ", ".join(with_model) or "none: no researcher of this team has a model"
        raise BadInput(f"--model names {unknown[0]!r}; known: {known}")
    if config.script not in ("", "researcher"):
        from enpire.agents.scripted_model.script import read_script  # a web server comes with it

        read_script(Path(config.script))
    for name, member in with_model.items():
        member.adapter.check()
        if getattr(member.adapter, "NEEDS_MODEL", False) and not (config.script or config.models.get(name)):
            raise BadInput(f"{name} has no model of its own: name one with --model {name}=NAME")
        if config.login:
            login_folder(member)
        elif not config.script and not os.environ.get(member.adapter.UPSTREAM.key_variable):
            variable = member.adapter.UPSTREAM.key_variable
            raise MissingProgram(f"{name} has no key: set {variable}, or use --login if you have logged in with {name}")


def upstream_url(upstream: Upstream) -> str:
    """Root of a provider, without `/v1`: the user's own if the variable is set."""
    return os.environ.get(upstream.url_variable, upstream.url).rstrip("/").removesuffix("/v1")


def login_folder(member: Member) -> Path:
    """Folder that holds the user's login of an agent.

    Raises:
        MissingProgram: There is none.
        BadInput: The agent knows no logins.
    """
    known: Path | None = getattr(member.adapter, "LOGIN", None)
    if known is None:
        raise BadInput(f"{member.agent} has no login of its own; leave out --login and set a key")
    login = Path.home() / known
    if not login.is_file() and not os.environ.get(getattr(member.adapter, "LOGIN_VARIABLE", "")):
        raise MissingProgram(
            f"{member.agent} is not logged in: ~/{known} is missing; run `{member.agent}` once to log in"
        )
    return login.parent
