"""A beat model made to fit one patient from a labelled start, without torch."""
