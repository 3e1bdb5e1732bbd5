"""The noise stress test: calibrated real noise on clean records, detectors side by side."""
