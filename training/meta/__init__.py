"""Meta-learning: a start from which few labelled beats of a patient teach much."""
