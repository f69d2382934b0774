"""Whoever looks at a campaign is told whether its ledger holds, does not hold, or could not be checked."""

import json
import shutil
import sqlite3
import sys

import pytest

from enpire.cli import main
from tests.certificates.made import make

LOOKS = ["status", "ideas", "report", "verify-claim"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make(tmp_path_factory.mktemp("inspect") / "campaign").folder.root


@pytest.fixture
def root(whole, tmp_path):
    """A copy of a small campaign to tamper with."""
    return shutil.copytree(whole, tmp_path / "campaign")


@pytest.fixture
def enpire(monkeypatch, capsys):
    """Runs a command in this process; exit status, output, errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["enpire", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return (1, printed.out, printed.err + code) if isinstance(code, str) else (code or 0, printed.out, printed.err)

    return run


def cut(root, after=None):
    db = sqlite3.connect(root / "ledger.sqlite")
    (last,) = db.execute("SELECT max(seq) FROM events").fetchone()
    db.executescript(f"DROP TRIGGER no_delete; DELETE FROM events WHERE seq > {after or last - 1}")
    db.close()
    return last


@pytest.mark.parametrize("command", LOOKS)
def test_a_whole_campaign_is_shown(enpire, root, command):
    code, out, err = enpire(command, root)
    assert code == 0 and out and "checked" not in err


@pytest.mark.parametrize("command", LOOKS)
def test_a_cut_campaign_is_not_shown(enpire, root, command):
    last = cut(root)
    code, out, err = enpire(command, root)
    assert code == 2 and out == ""
    assert f"ends at event {last - 1}" in err and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", LOOKS)
def test_a_campaign_without_an_anchor_is_not_shown(enpire, root, command):
    (root / "ledger.anchor").unlink()
    code, out, err = enpire(command, root)
    assert code == 2 and out == "" and "enpire anchor" in err


@pytest.mark.parametrize("command", LOOKS)
def test_a_changed_campaign_is_not_shown(enpire, root, command):
    db = sqlite3.connect(root / "ledger.sqlite")
    db.executescript("DROP TRIGGER no_update; UPDATE events SET elapsed_s = elapsed_s + 1 WHERE seq = 3")
    db.close()
    code, out, err = enpire(command, root)
    assert code == 2 and out == "" and "event 3 does not match its chain hash" in err


@pytest.mark.parametrize("command", ["status", "ideas", "report"])
def test_without_the_key_it_says_that_nothing_was_checked(enpire, root, command):
    (root / "secret.key").unlink()
    cut(root)
    code, out, err = enpire(command, root)
    assert code == 0 and out
    assert err.splitlines()[0].startswith("note     the ledger's chain and its end were not checked")


def test_json_stays_json_and_says_what_was_checked(enpire, root):
    _, out, _ = enpire("status", root, "--json")
    status = json.loads(out)
    assert status["verified_events"] == status["ledger"]["events"] > 0
    (root / "secret.key").unlink()
    _, out, _ = enpire("status", root, "--json")
    assert json.loads(out)["verified_events"] is None


def test_a_loss_is_accepted_on_record(enpire, root):
    last = cut(root)
    code, out, _ = enpire("anchor", root)
    assert code == 0 and f"anchored at event {last - 1}; that it was at event {last} is now on record" in out
    code, out, _ = enpire("status", root, "--json")
    accepted = {"event": "LedgerAccepted", "events": last - 1, "anchored": last}
    assert code == 0 and json.loads(out)["ledger"]["accepted"] == [accepted]
    _, out, _ = enpire("verify-claim", root)
    assert f"the anchor was at event {last}" in out
    assert enpire("anchor", root)[1].startswith("nothing to accept")


def test_a_folder_of_an_older_version_goes_on(enpire, root):
    (root / "ledger.anchor").unlink()
    code, out, _ = enpire("anchor", root)
    assert code == 0 and "that there was no anchor is now on record" in out
    assert enpire("status", root)[0] == 0


def test_only_whoever_has_the_key_can_accept(enpire, root):
    (root / "ledger.anchor").unlink()
    (root / "secret.key").unlink()
    code, _, err = enpire("anchor", root)
    assert code == 1 and "secret.key" in err
    assert not (root / "ledger.anchor").exists()
