"""A candidate made of what was learned since, and the protocol by which it is judged."""
