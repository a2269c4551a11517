"""Trials: one promise each, held against real processes under load. Each says in one table what it found."""
