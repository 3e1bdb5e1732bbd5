import base64
import io
import json
import threading
import time

import pytest

from deploy.notify import (
    ConsoleNotifier,
    Delivery,
    DeliveryError,
    Notice,
    Retries,
    Target,
    Undelivered,
    Webhook,
    notice_of_alarm,
    sign,
    verify,
)
from ingest.errors import InputError
from tests.deploy.interop.alarms import some_alarms
from tests.deploy.notify.receiver import Receiver

SECRET = b"sixteen bytes or more"
FAST = Retries(tries=4, first_wait_s=0.02, most_wait_s=0.1, jitter=0.0)
ALARMS = [json.dumps(alarm).encode() for alarm in some_alarms()]


def notice(n, topic=None, urgency=1):
    return Notice(f"{n}.raised", topic or str(n), urgency, b'{"n": %d}' % n)


@pytest.fixture
def deliver(tmp_path):
    """Make a delivery to a receiver; close it, and give the undelivered ones."""
    made = []

    def make(receiver, retries=FAST, timeout_s=0.5, **more):
        target = Target(receiver.url, SECRET, timeout_s)
        delivery = Delivery(
            Webhook(target).send, Undelivered(tmp_path / "left.jsonl"), retries, seed=1, **more
        )
        made.append(delivery)
        return delivery

    yield make
    for delivery in made:
        delivery.close(0)


def left(tmp_path):
    lines = (tmp_path / "left.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_an_alarm_is_posted_once_signed_and_with_its_key(deliver):
    with Receiver(204) as receiver:
        delivery = deliver(receiver)
        told = notice_of_alarm(ALARMS[0])
        delivery.offer(told)
        delivery.close(5)
        [(headers, body)] = receiver.requests
    assert headers["request"] == "POST /alarms?ward=3 HTTP/1.1"
    assert body == ALARMS[0]
    assert headers["idempotency-key"] == told.key == f"{told.topic}.raised"
    verify(SECRET, body, headers["vigil-signature"], time.time())
    assert delivery.counts == {"delivered": 1}


@pytest.mark.parametrize("fault", [500, 503, 429, 408, "cut", "garbage", "hang", "drip"])
def test_what_fails_for_a_time_is_tried_again_with_the_same_key(deliver, fault, tmp_path):
    with Receiver(fault, fault, 200) as receiver:
        delivery = deliver(receiver, timeout_s=0.3)
        delivery.offer(notice(1))
        delivery.close(10)
        keys = [headers["idempotency-key"] for headers, _ in receiver.requests]
    assert keys == ["1.raised"] * 3
    assert delivery.counts == {"delivered": 1, "retried": 2}
    assert left(tmp_path) == []


@pytest.mark.parametrize("status", [400, 401, 404, 410, 301])
def test_what_is_refused_for_good_is_kept_at_once(deliver, status, tmp_path):
    with Receiver(status) as receiver:
        delivery = deliver(receiver)
        delivery.offer(notice(1))
        delivery.close(5)
        assert len(receiver.requests) == 1
    [kept] = left(tmp_path)
    assert (kept["key"], kept["reason"], kept["tries"]) == ("1.raised", f"answer {status}", 1)
    assert base64.b64decode(kept["body"]) == b'{"n": 1}'


def test_after_the_last_try_it_is_kept(deliver, tmp_path):
    with Receiver(500) as receiver:
        delivery = deliver(receiver)
        delivery.offer(notice(1))
        delivery.close(5)
        assert len(receiver.requests) == FAST.tries
    assert [(each["reason"], each["tries"]) for each in left(tmp_path)] == [("answer 500", 4)]


def test_nobody_there_is_a_failure_like_any_other(tmp_path):
    with Receiver() as receiver:
        url = receiver.url
    webhook = Webhook(Target(url, SECRET))
    delivery = Delivery(webhook.send, Undelivered(tmp_path / "left.jsonl"), FAST)
    delivery.offer(notice(1))
    delivery.close(5)
    [kept] = left(tmp_path)
    assert kept["reason"].startswith("no answer: ")


def test_a_hanging_receiver_never_holds_up_whoever_offers(deliver, tmp_path):
    with Receiver("hang") as receiver:
        delivery = deliver(receiver, timeout_s=0.4, most=50)
        started_s = time.monotonic()
        for n in range(500):
            delivery.offer(notice(n))
        assert time.monotonic() - started_s < 5
        delivery.close(0)
    kept = left(tmp_path)
    assert len({each["key"] for each in kept}) == len(kept) == 500
    full = [each for each in kept if each["reason"] == "the queue is full or closed"]
    assert len(full) == 450


def test_one_that_fails_does_not_hold_up_the_others_but_those_of_its_alarm(tmp_path):
    sent = []

    def send(each):
        sent.append(each.key)
        if each.key == "1.raised" and sent.count("1.raised") < 3:
            raise DeliveryError("busy", again=True)

    delivery = Delivery(send, Undelivered(tmp_path / "left.jsonl"), FAST)
    ended = Notice("1.ended", "1", 1, b"{}")
    for each in (notice(1), ended, notice(2)):
        delivery.offer(each)
    delivery.close(5)
    assert sent.index("2.raised") < sent.index("1.ended")
    assert [key for key in sent if key.startswith("1.")] == ["1.raised"] * 3 + ["1.ended"]


def test_the_urgent_go_before_those_that_wait(tmp_path):
    sent, go = [], threading.Event()

    def send(each):
        go.wait(5)
        sent.append(each.key)

    delivery = Delivery(send, Undelivered(tmp_path / "left.jsonl"), FAST)
    delivery.offer(notice(0))
    time.sleep(0.1)  # the thread holds it now
    for n, urgency in ((1, 2), (2, 1), (3, 0)):
        delivery.offer(notice(n, urgency=urgency))
    go.set()
    delivery.close(5)
    assert sent == ["0.raised", "3.raised", "2.raised", "1.raised"]


def test_a_wait_that_the_server_asks_for_is_kept(deliver):
    with Receiver((429, {"Retry-After": "1"}), 200) as receiver:
        delivery = deliver(receiver)
        started_s = time.monotonic()
        delivery.offer(notice(1))
        delivery.close(10)
        assert time.monotonic() - started_s >= 1.0
    assert delivery.counts["delivered"] == 1


def test_a_bug_in_sending_ends_that_notice_only(tmp_path):
    sent = []

    def send(each):
        if each.key == "1.raised":
            raise ZeroDivisionError("bug")
        sent.append(each.key)

    delivery = Delivery(send, Undelivered(tmp_path / "left.jsonl"), FAST)
    delivery.offer(notice(1))
    delivery.offer(notice(2))
    delivery.close(5)
    assert sent == ["2.raised"]
    assert left(tmp_path)[0]["reason"] == "ZeroDivisionError: bug"


def test_waits_double_up_to_the_longest_and_differ_by_the_jitter():
    retries = Retries(first_wait_s=1.0, most_wait_s=5.0, jitter=0.2)
    assert [retries.wait_s(n, 0.5) for n in (1, 2, 3, 4, 9)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert (retries.wait_s(1, 0.0), retries.wait_s(1, 1.0)) == (0.8, 1.2)


def test_a_signature_tells_a_changed_body_an_old_one_and_another_secret():
    header = sign(SECRET, b"{}", 1000)
    verify(SECRET, b"{}", header, 1100.0)
    for secret, body, now_s, match in (
        (SECRET, b"[]", 1100, "does not fit"),
        (b"another secret, long", b"{}", 1100, "does not fit"),
        (SECRET, b"{}", 1301, "301 s from now"),
    ):
        with pytest.raises(InputError, match=match):
            verify(secret, body, header, now_s)
    with pytest.raises(InputError, match="must be t=SECONDS"):
        verify(SECRET, b"{}", header + "x", 1000)


@pytest.mark.parametrize(
    ("url", "secret", "timeout_s", "match"),
    [
        ("ftp://a", SECRET, 5, "must be http:// or https://"),
        ("https://", SECRET, 5, "must be http:// or https://"),
        ("https://a:b", SECRET, 5, "must be http:// or https://"),
        ("http://ward.example/x", SECRET, 5, "must be https://"),
        ("https://me:pw@a/x", SECRET, 5, "no password"),
        ("https://a/x", b"short", 5, "must have 16 bytes or more, not 5"),
        ("https://a/x", SECRET, 0, "timeout_s must be above 0"),
    ],
)
def test_a_target_that_cannot_be_is_refused(url, secret, timeout_s, match):
    with pytest.raises(InputError, match=match):
        Target(url, secret, timeout_s)


def test_the_console_tells_a_line_each_and_survives_a_closed_one():
    out = io.StringIO()
    console = ConsoleNotifier(out)
    for alarm in ALARMS:
        console.offer(notice_of_alarm(alarm))
    lines = out.getvalue().splitlines()
    assert len(lines) == len(ALARMS)
    assert lines[0].endswith("high   p1: asystole raised")
    assert lines[1].endswith("medium p1: lead_off raised")
    out.close()
    console.offer(notice_of_alarm(ALARMS[0]))


def test_what_is_no_alarm_makes_no_notice(tmp_path):
    with pytest.raises(InputError, match="no alarm of Vigil"):
        notice_of_alarm(b"{}")
    with pytest.raises(InputError, match="cannot be written"):
        Undelivered(tmp_path)
