"""From databases to the tables that the bias audit reads: predictions and subjects."""
