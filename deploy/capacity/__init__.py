"""How much a hospital, a country or a million patients need: arithmetic, and outages played out."""
