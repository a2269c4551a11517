"""The relay's tests: they mirror the code path by path."""
