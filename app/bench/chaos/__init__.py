"""Chaos: everything is killed, wiped and slowed at random times by seed, and both sides are compared afterwards."""
