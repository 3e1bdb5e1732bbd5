"""Feeds mutated bytes to all that reads what comes from outside: ``python -m tests.fuzz``."""
