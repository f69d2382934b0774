"""What runs inside an agent's walls: plain scripts of the standard library, started with `python -I -S`."""
