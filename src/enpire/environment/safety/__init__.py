"""Protective software limits between whatever commands a robot and the robot itself. Not a safety function."""
