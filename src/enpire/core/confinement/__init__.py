"""Locks that a process puts on itself before it runs code of somebody else.

Policy workers and agents' sessions share them. What runs inside uses the standard library only and nothing else of
enpire, see `bootstrap`.
"""
