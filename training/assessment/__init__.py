"""From models to published figures: records scored as served, tables, cards and strips."""
