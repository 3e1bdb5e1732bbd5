"""Drift of signal, scores, alarms and calibration: a patient at a time, with bets on ranks."""
