"""A model that really improves a policy, behind every real agent."""

import json
from pathlib import Path

from enpire.agents._researcher.choose import propose
from enpire.core.brief import Brief
from enpire.core.records import Proposal, decode, from_builtins
from tests.agents.scripted_model.test_researcher_mind import files, session_folder
from tests.agents.toy_campaign import ToyCampaign
from tests.agents.toy_libraries import PLAIN

from .stage import Lab, Theatre


def test_a_candidate_is_edited_and_handed_in(theatre: Theatre, lab: Lab, tmp_path: Path) -> None:
    campaign = ToyCampaign(tmp_path / "toy", PLAIN, agents=1, seed=0)
    campaign.run(propose, 60)
    own = session_folder(tmp_path / "own", campaign)
    session_folder(tmp_path / "first", campaign)
    proposal = propose(decode((own / "brief.json").read_bytes(), Brief), own / "workspace")
    theatre.mind("researcher")
    run = theatre.run()
    assert run.status == 0, run.stderr
    assert files(run.job.workspace) == files(own / "workspace")
    assert [name for name, _ in lab.calls] == ["submit"]
    assert from_builtins(json.loads(lab.calls[0][1]), Proposal) == proposal
