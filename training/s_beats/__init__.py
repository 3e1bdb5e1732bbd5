"""Trials of S branches, told by people never seen: DS1 with patients left out, and svdb."""
