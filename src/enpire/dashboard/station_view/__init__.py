"""A simulated station in a web browser: its geometry and state as they are now, and a few buttons.

The page shows the truth, for people. Nothing that improves a policy may read it.
"""
