"""Choosing alarm delay and limits for one patient from logged trials, evaluated off-policy."""
