"""The built-in researcher: what it knows, what it may do next, and how it chooses.

`knowledge` reads the brief. Each move (`structure`, `leap`, `tune`, `identify`, `cross`, `simplify`, `retry`) lists
options with an expected gain and a spread, all in the same unit: utility above the champion's. `choose` draws once per
option and carries out the one whose draw promises most (Thompson sampling).
"""
