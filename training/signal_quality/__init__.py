"""The quality index: fitted on what people marked as noise, and judged beside other indices."""
