"""All that the console's API works with, in one place."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.audit_log import AuditLog
from deploy.console.commands import CommandPort
from deploy.console.hub import Hub
from deploy.console.past import Past
from deploy.console.reports import Reports
from deploy.console.store.accounts import Accounts
from deploy.console.store.feedback import Feedback, FeedbackStore
from deploy.console.throttle import Throttle
from inference.limits import Limits

if TYPE_CHECKING:
    from deploy.console.oidc import Provider


@dataclass(slots=True)
class Console:
    """What the API works with."""

    hub: Hub
    """Patients and browsers."""
    commands: CommandPort
    """Who does what people want."""
    accounts: Accounts
    """Who may sign in."""
    feedback: FeedbackStore
    """What people said of alarms and beats."""
    audit: AuditLog
    """Who did what."""
    publish_feedback: Callable[[Feedback], None] = lambda said: None
    """Tells others what was said."""
    secure_cookies: bool = False
    """Cookies only over HTTPS."""
    audits: Path | None = None
    """Folder of fairness audits, one sub-folder each with report.html."""
    past: Past | None = None
    """Signal that is kept no more here; None: no archive is known."""
    reports: Reports = field(default_factory=Reports)
    """Reports of drift and of models."""
    metrics: Callable[[], Mapping[str, Any]] = dict
    """What the system counts, by name."""
    limits_of: Callable[[str], Limits | None] = lambda stream_id: None
    """Gives the alarm limits that a stream's monitor is set to, where that is known."""
    login_key: str = ""
    """A key that signs one account in without a password, for a demonstration; empty: none."""
    login_key_account: str = ""
    """Name of that account."""
    provider: Provider | None = None
    """OpenID provider."""
    throttle: Throttle = field(default_factory=lambda: Throttle(10, 6.0))
    """Tries to sign in, by account and address."""
    throttle_all: Throttle = field(default_factory=lambda: Throttle(60, 1.0))
    """Tries to sign in, by address alone."""
    audit_key: bytes | None = None
    """Key of the audit log."""

    def is_key(self, key: str) -> bool:
        """Tell whether a key is the one that signs in."""
        return bool(self.login_key) and hmac.compare_digest(key.encode(), self.login_key.encode())
