"""Forecasters of what sensors tell, the anomalies that they find, and what they are measured by."""
