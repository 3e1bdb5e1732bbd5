"""Recurrent architectures, one a file; a config names one by its key."""
