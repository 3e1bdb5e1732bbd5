"""What a candidate model must pass before it may take a champion's place; each gate by itself."""
