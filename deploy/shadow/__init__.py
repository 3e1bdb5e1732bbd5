"""A candidate beside the champion: on the live stream, or over any past stretch."""
