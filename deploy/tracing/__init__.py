"""Traces from a frame to its alarm, through the headers of Kafka's records (docs/tracing.md)."""
