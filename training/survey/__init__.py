"""The survey: every system fitted on the same patients, budget and seeds, in one table."""
