"""What each verdict of an audit or a watch exits with."""

from __future__ import annotations

from fairness.result import Verdict

EXIT = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INSUFFICIENT: 3}
"""Exit code of each verdict; bad input is 2."""
