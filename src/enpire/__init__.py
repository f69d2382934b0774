"""enpire turns any coding agent into a robot-policy researcher: reset, execute, verify, refine."""

__version__ = "0.1.0"
