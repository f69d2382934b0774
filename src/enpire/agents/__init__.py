"""Coding agents: one file each, one session runner for all of them, and the built-in researcher."""
