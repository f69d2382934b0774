"""The gateway: the one door between coding agents and the world. It meters, limits and masks model calls.

One process of our own on loopback. Behind it are the providers of models; beside the model's routes it has the
research tools (MCP), whose questions it passes on to the supervisor.
"""
