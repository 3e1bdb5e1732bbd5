"""Notifiers: who is told of alarms beside the topic that they are written to."""

from deploy.notify.console import ConsoleNotifier
from deploy.notify.delivery import Delivery, Retries
from deploy.notify.notice import (
    Notice,
    Notifier,
    notice_of_alarm,
    notice_of_signal,
    notice_of_technical,
)
from deploy.notify.signature import sign, verify
from deploy.notify.undelivered import Undelivered
from deploy.notify.webhook import DeliveryError, Target, Webhook

__all__ = [
    "ConsoleNotifier",
    "Delivery",
    "DeliveryError",
    "Notice",
    "Notifier",
    "Retries",
    "Target",
    "Undelivered",
    "Webhook",
    "notice_of_alarm",
    "notice_of_signal",
    "notice_of_technical",
    "sign",
    "verify",
]
