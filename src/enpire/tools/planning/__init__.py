"""Paths from here to there, checked for reach and collisions. One file, one method."""
