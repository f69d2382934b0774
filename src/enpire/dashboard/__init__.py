"""What people see of a campaign. Everything here is read from the `State` fold of the ledger.

| module | shows |
|---|---|
| `live` | the live terminal view, and the factory `view` |
| `plain` | one line per notable event, or one JSON line per event, for logs and pipes |
| `panels` | the pieces of the live view |
| `report` | one self-contained HTML file |
| `figure` | the idea tree over the success curve |
| `tables` | the rows of the report |
| `diffs`, `videos`, `text` | a coloured diff, embedded videos, numbers and untrusted text as people read them |
"""
