"""What stands at the start is left out of further searches for cycles."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from deploy.garbage import keep_what_stands
class Node: pass
dropped = Node(); dropped.own = dropped
kept = Node(); kept.own = kept
gone = []
import weakref
weakref.finalize(dropped, gone.append, "dropped"); weakref.finalize(kept, gone.append, "kept")
del dropped
keep_what_stands()
assert gone == ["dropped"], gone  # a last search is made
assert not any(each is kept for each in gc.get_objects())
del kept
gc.collect()
assert gone == ["dropped"], gone  # no longer looked at
later = Node(); later.own = later
weakref.finalize(later, gone.append, "later")
del later
gc.collect()
assert gone == ["dropped", "later"], gone
"""


def test_what_stands_is_kept_and_what_comes_later_is_still_searched() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)
