"""Declarations that ship, to begin with."""
