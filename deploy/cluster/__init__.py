"""Work in parts, spread over the processes of this machine or over a Ray cluster."""
