"""Researchers at work: sessions in, ideas out.

| module | idea |
|---|---|
| `sessions` | who thinks when: starts sessions of coding agents and looks after them |
| `briefing` | what a session begins with: files, data, prompt |
| `models` | lets sessions into the gateway, books what they use |
| `door` | what a session hands in becomes an idea with candidates and a race, or is refused with a reason |
| `tools` | answers the research tools of running sessions |
| `preflight` | what is missing, said before anything starts |
"""
