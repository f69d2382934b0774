"""`train`: run the workspace's `train.py` as a job."""

from enpire.core.records import Json
from enpire.evolution.verbs.desk import Desk, Reply

DESCRIPTION = "Start `python train.py DATA_FOLDER` in the workspace as a job. Answers with the job's id at once."
ARGUMENTS: Json = {"type": "object", "additionalProperties": False, "properties": {}}


def answer(desk: Desk, arguments: Json) -> Reply:
    """The id of the job.

    Raises:
        BadInput: Another one runs.
    """
    job = desk.train()
    return Reply(text=f'Job {job} runs. Ask `result` with {{"job": "{job}"}} how it goes; pause between questions.')
