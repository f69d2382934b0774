"""The research tools of a coding agent, one file each. The file name is the verb: `verbs/status.py` answers `status`.

A verb module has `DESCRIPTION`, `ARGUMENTS` (a JSON schema) and `answer(desk, arguments)`. Verbs read the state of the
ledger and the hub; nothing in them is privileged. Answers are short text that a model reads, of bounded size.
"""
