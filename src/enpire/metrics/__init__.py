"""What a campaign achieved and what it cost, as pure functions of its `State`.

| module | question |
|---|---|
| `utilisation` | For which share of the time did the robots work, and on what? (Mean Robot Utilization) |
| `tokens` | How many model tokens per minute, and until success? (Mean Token Utilization) |
| `studies` | Which claims and confirmations were made, and what came out? |
| `curves` | How good was the champion over time? |
| `summary` | All of it as JSON, for `enpire status --json` |
"""
