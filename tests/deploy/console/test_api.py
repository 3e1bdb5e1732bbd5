"""The API: who may do what, what is refused and how, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from deploy import audit_log
from deploy.console.api.openapi import WAYS
from deploy.console.roles import Role
from deploy.console.throttle import Throttle
from inference.alarm_json import canonical
from inference.profiles import Profile, limits_of
from tests.deploy.console.consoles import PASSWORD, Ward, alarm, make_ward, serve, sign_in

ALARM_ID = "98f216a75bf9c4ca2a0497cefe66da2a"


@pytest.fixture
def ward(tmp_path: Path, address: str, turning: list) -> Iterator[Ward]:
    made = make_ward(tmp_path, address)
    turning.append(made.feed)
    server = serve(made.console)
    made.url = server.address  # type: ignore[attr-defined]
    yield made
    turning.clear()
    server.stop()
    made.console.audit.close()
    made.database.close()


@contextmanager
def a_client(ward: Ward, name: str | None = None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=ward.url, timeout=60.0) as made:  # type: ignore[attr-defined]
        yield made if name is None else sign_in(made, name)


def test_a_clinician_acknowledges_and_everybody_is_told(ward: Ward) -> None:
    ward.hub.take([], [])
    ward.feed(alarm("p1", "asystole"))
    with a_client(ward, "clinician") as nurse:
        told = nurse.get("/api/patients/p1").json()
        assert told["board"]["lines"][0]["phase"] == "on"
        answer = nurse.post("/api/patients/p1/commands", json={"command": "acknowledge"})
        assert answer.json() == {"state": "done"}
        (line,) = nurse.get("/api/patients/p1").json()["board"]["lines"]
        assert (line["phase"], line["who"]) == ("acknowledged", "clinician")
        again = nurse.post("/api/patients/p1/commands", json={"command": "acknowledge"})
        assert again.status_code == 409
        assert "no alarm to acknowledge" in again.json()["error"]
    said = [(e.who, e.what) for e in audit_log.read(ward.console.audit.path)]
    assert said[-3:] == [
        ("clinician", "command.acknowledge"),
        ("clinician", "command.acknowledge"),
        ("clinician", "command.refused"),
    ]


def test_a_lethal_alarm_breaks_through_a_pause(ward: Ward) -> None:
    with a_client(ward, "clinician") as nurse:
        paused = {"command": "audio_pause", "length_s": 60}
        assert nurse.post("/api/patients/p1/commands", json=paused).status_code == 200
        assert nurse.get("/api/patients/p1").json()["board"]["paused_until_ms"]
        ward.feed(alarm("p1", "ventricular_fibrillation"))
        board = nurse.get("/api/patients/p1").json()["board"]
        assert board["paused_until_ms"] is None
        assert "broke through" in board["pause_ended"]
        assert board["sound"] == "high"


def test_limits_are_set_whole_or_not_at_all(ward: Ward) -> None:
    path = "/api/patients/p1/commands"
    with a_client(ward, "clinician") as nurse:
        limits = {"tachycardia_bpm": 130, "vt_beats": 6}
        told = {"command": "set_limits", "why": "athlete", "limits": limits}
        assert nurse.post(path, json=told).status_code == 200
        contradictory = {"tachycardia_bpm": 150.0, "extreme_tachycardia_bpm": 90.0}
        answer = nurse.post(path, json={**told, "limits": contradictory})
        assert answer.status_code == 409
        assert "must be below" in answer.json()["error"]
        found = {x["name"]: x for x in nurse.get("/api/patients/p1/limits").json()["limits"]}
        assert found["tachycardia_bpm"]["value"] == 130
        assert found["vt_beats"]["value"] == 6
        assert not found["extreme_tachycardia_bpm"]["changed"]


def test_limits_shown_are_those_in_force_not_an_adults(ward: Ward) -> None:
    def known(nurse: httpx.Client, name: str) -> tuple[float, str]:
        answer = nurse.get("/api/patients/p1/limits").json()
        (found,) = [limit for limit in answer["limits"] if limit["name"] == name]
        return found["value"], found["known"]

    with a_client(ward, "clinician") as nurse:
        assert known(nurse, "tachycardia_bpm") == (120.0, "assumed")
        ward.feed(canonical({**json.loads(alarm("p1", "asystole")), "profile": "neonatal",
                             "limits": {"asystole_s": 3.5}}))  # fmt: skip
        assert known(nurse, "tachycardia_bpm") == (180.0, "profile")
        assert known(nurse, "asystole_s") == (3.5, "told")
        ward.console.limits_of = lambda stream: limits_of(Profile.PAEDIATRIC)
        assert known(nurse, "tachycardia_bpm") == (150.0, "configured")
        told = {"command": "set_limits", "why": "fever", "limits": {"tachycardia_bpm": 135}}
        assert nurse.post("/api/patients/p1/commands", json=told).status_code == 200
        assert known(nurse, "tachycardia_bpm") == (135.0, "set")


def test_feedback_is_kept_published_and_disputed(ward: Ward) -> None:
    ward.feed(alarm("p1", "asystole"))
    ((change),) = ward.hub.patients["p1"].alarms
    path = "/api/patients/p1/feedback"
    with a_client(ward, "clinician") as nurse:
        said = {"verdict": "false", "why": "electrode", "alarm_id": change["id"]}
        first = nurse.post(path, json=said)
        assert first.status_code == 201
        other = {**said, "verdict": "true", "disputes": first.json()["id"]}
        assert nurse.post(path, json=other).status_code == 201
        relabel = {"verdict": "relabel", "why": "wide", "sample": 300, "label": "V"}
        assert nurse.post(path, json=relabel).json()["label"] == "V"
        for wrong in (
            {"verdict": "relabel", "why": "no beat named"},
            {"verdict": "true", "why": "no alarm named"},
            {**said, "label": "V"},
        ):
            assert nurse.post(path, json=wrong).status_code == 422
        assert nurse.post(path, json={**said, "alarm_id": ALARM_ID}).status_code == 404
        assert nurse.post(path, json={**said, "disputes": 10**6}).status_code == 409
        kept = nurse.get("/api/feedback").json()["feedback"]
    assert [each["verdict"] for each in kept] == ["relabel", "true", "false"]
    assert kept[2]["condition"] == "asystole"
    assert [each.id for each in ward.published] == [each["id"] for each in reversed(kept)]


def test_signal_of_the_past_comes_with_its_beats(ward: Ward) -> None:
    with a_client(ward, "viewer") as viewer:
        path = "/api/patients/p1/signal"
        told = viewer.get(path, params={"first_sample": 90, "n_samples": 100}).json()
        assert told["steps"][0] == [i % 200 for i in range(90, 190)]
        assert [beat["sample"] for beat in told["beats"]] == [100]
        assert viewer.get(path, params={"first_sample": 10**9, "n_samples": 5}).json()["steps"] == [
            [],
            [],
        ]
        found = viewer.get(path, params={"first_sample": 0, "n_samples": 10**6}).json()
        assert len(found["steps"][0]) == 2500


@pytest.mark.parametrize("role", [None, *Role])
def test_every_way_refuses_whom_it_must(ward: Ward, role: Role | None) -> None:
    with a_client(ward, role and role.value) as somebody:
        for way in (each for each in WAYS if each.path != "/api/sign-out"):
            path = way.path.replace("{stream_id}", "p1").replace("{name}", "nothing")
            sent = {"headers": {"content-type": "application/json"}, "content": b"{}"}
            answer = somebody.request(way.method, path, **sent if way.method == "POST" else {})
            allowed = way.needs is None or (role is not None and role in way.needs)
            assert (answer.status_code in (401, 403)) != allowed, (way.path, answer.text)
            if not allowed:
                assert answer.status_code == (401 if role is None else 403)


def test_changes_need_the_token_and_the_right_site(ward: Ward) -> None:
    told = {"command": "audio_pause"}
    with a_client(ward, "clinician") as nurse:
        token = nurse.headers.pop("x-csrf-token")
        path = "/api/patients/p1/commands"
        assert nurse.post(path, json=told).status_code == 403
        assert nurse.post(path, json=told, headers={"x-csrf-token": "wrong"}).status_code == 403
        good = {"x-csrf-token": token}
        foreign = {**good, "origin": "https://evil.example"}
        assert nurse.post(path, json=told, headers=foreign).status_code == 403
        assert nurse.post(path, json=told, headers=good).status_code == 200
        nurse.headers["x-csrf-token"] = token
        assert nurse.post("/api/sign-out").status_code == 200
        assert nurse.get("/api/me").status_code == 401


def test_guessing_is_slowed_down_for_the_name_that_is_guessed(ward: Ward) -> None:
    ward.console.throttle = Throttle(3, 1000.0)
    with a_client(ward) as guesser:
        wrong = {"name": "viewer", "password": "guess"}
        statuses = [guesser.post("/api/sign-in", json=wrong).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
        right = guesser.post("/api/sign-in", json={"name": "viewer", "password": PASSWORD})
        assert right.status_code == 429
        assert int(right.headers["retry-after"]) > 900
    with a_client(ward, "auditor") as other:
        assert other.get("/api/me").status_code == 200, "another name is not slowed down"


def test_cookies_and_headers_are_strict(ward: Ward) -> None:
    with a_client(ward) as somebody:
        answer = somebody.post("/api/sign-in", json={"name": "viewer", "password": PASSWORD})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        page = somebody.get("/")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        for name in ("/page/app.js", "/page/theme.css", "/page/icon.svg"):
            assert somebody.get(name).status_code == 200


def test_what_is_no_json_too_long_or_of_another_type_is_refused(ward: Ward) -> None:
    path = "/api/patients/p1/commands"
    with a_client(ward, "clinician") as nurse:
        json_type = {"content-type": "application/json"}
        assert nurse.post(path, content=b"{", headers=json_type).status_code == 400
        assert nurse.post(path, content=b"x" * 20_000, headers=json_type).status_code == 413
        assert nurse.post(path, data={"command": "acknowledge"}).status_code == 415
        assert nurse.post(path, json={"command": "dance"}).status_code == 422
        assert nurse.post(path, json={"command": "resume", "why": "no"}).status_code == 422
        assert (
            nurse.post("/api/patients/nobody/commands", json={"command": "resume"}).status_code
            == 404
        )


def test_what_cannot_be_written_down_is_not_done(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward.feed(alarm("p1", "asystole"))
    with a_client(ward, "clinician") as nurse:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(ward.console.audit, "append", full)
        answer = nurse.post("/api/patients/p1/commands", json={"command": "acknowledge"})
        assert answer.status_code == 503
        (line,) = nurse.get("/api/patients/p1").json()["board"]["lines"]
        assert line["phase"] == "on"

        def broken(_: str) -> None:
            with ward.database.session() as session:
                session.execute(sqlalchemy.text("SELECT nothing FROM nowhere"))

        monkeypatch.setattr(ward.console.accounts, "signed_in", broken)
        assert nurse.get("/api/patients").status_code == 503


def test_a_changed_log_is_told(ward: Ward) -> None:
    with a_client(ward, "auditor") as auditor:
        assert auditor.get("/api/audit-log").json()["intact"]
        path = ward.console.audit.path
        text = path.read_text()
        path.write_text(text.replace('"who":"auditor"', '"who":"nobody0"'))
        told = auditor.get("/api/audit-log").json()
        assert not told["intact"]
        assert "line" in told["why_not"]
