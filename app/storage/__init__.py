"""The one place that speaks SQL.

Statements that every message needs are built once: as constants, or by a function with ``cache`` where the dialect or
an argument changes them. Building one takes ten times as long as running it.
"""
