"""Mitigation: models fitted so that no group of patients is served worse, and what that costs."""
