"""Accounts, sessions and feedback, the same on SQLite and PostgreSQL; forms up and down."""

from __future__ import annotations

import pytest
import sqlalchemy

from deploy.console.roles import Role
from deploy.console.store.accounts import Accounts
from deploy.console.store.database import Database
from deploy.console.store.feedback import Feedback, FeedbackStore, Verdict
from deploy.console.store.tables import Base
from ingest.errors import InputError
from tests.deploy.console.consoles import CHEAP, PASSWORD


class Clock:
    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.ms


def said(**keys: object) -> Feedback:
    given = {"stream_id": "p", "session": "s", "verdict": Verdict.TRUE, "who": "n", "why": "seen"}
    return Feedback(**given | keys)


def test_accounts_and_sessions(address: str) -> None:
    clock = Clock()
    database = Database(address, clock)
    database.migrate()
    accounts = Accounts(database, session_s=60.0, hasher=CHEAP)
    made = accounts.add("nurse 7", ["clinician", "viewer"], PASSWORD)
    assert made.roles == {Role.CLINICIAN, Role.VIEWER}
    assert accounts.check("nurse 7", PASSWORD) == made
    assert accounts.check("nurse 7", PASSWORD + "x") is None
    assert accounts.check("nobody", PASSWORD) is None
    with pytest.raises(InputError, match="already"):
        accounts.add("nurse 7", ["viewer"], PASSWORD)
    token, signed = accounts.sign_in(made)
    assert accounts.signed_in(token) == signed
    clock.ms += 60_000
    assert accounts.signed_in(token) is None, "a session ends"
    token, _ = accounts.sign_in(made)
    accounts.sign_out(token)
    assert accounts.signed_in(token) is None
    database.close()


def test_feedback_is_added_to_and_disputed(address: str) -> None:
    database = Database(address)
    database.migrate()
    store = FeedbackStore(database)
    first = store.add(said(alarm_id="a" * 32))
    other = store.add(said(verdict=Verdict.FALSE, disputes=first.id, who="m", why="ärgerlich ♥"))
    assert [each.id for each in store.latest(10)] == [other.id, first.id]
    assert store.numbered(first.id) == first, "what is disputed stays as it was"
    for disputed in (999, first.id):
        with pytest.raises(InputError, match="dispute"):
            store.add(said(stream_id="q", disputes=disputed))
    database.close()


def test_forms_go_up_and_down_with_data_in_them(address: str) -> None:
    database = Database(address)
    database.migrate("0001")
    with database.engine.begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "INSERT INTO account (id, name, roles, active, created_ms) "
                "VALUES (41, 'old', 'viewer', TRUE, 1700000000000)"
            )
        )
    database.migrate()
    assert database.form() == "0003"
    accounts, store = Accounts(database, hasher=CHEAP), FeedbackStore(database)
    assert accounts.named("old") is not None
    accounts.of_provider("https://issuer", "subject", "by provider", frozenset({Role.VIEWER}))
    store.add(said())
    database.migrate("0002")
    assert store.latest(5)[0].why == "seen", "feedback survives the way down"
    database.migrate("0001")
    database.migrate("head")
    assert accounts.named("old") is not None
    assert accounts.named("by provider") is not None
    assert store.latest(5) == []
    database.migrate("base")
    assert database.form() is None
    assert set(sqlalchemy.inspect(database.engine).get_table_names()) <= {"alembic_version"}
    database.close()


def test_the_steps_lead_to_the_tables_that_the_code_has(address: str) -> None:
    database = Database(address)
    database.migrate()
    found = sqlalchemy.inspect(database.engine)
    for table in Base.metadata.sorted_tables:
        there = {column["name"]: column for column in found.get_columns(table.name)}
        assert there.keys() == {column.name for column in table.columns}
        for column in table.columns:
            assert there[column.name]["nullable"] == column.nullable, (table.name, column.name)
    database.close()


@pytest.mark.parametrize("where", ["mysql://u@h/db", "::nonsense://", "oracle://h"])
def test_an_address_that_cannot_be_used_is_refused(where: str) -> None:
    with pytest.raises(InputError, match="database"):
        Database(where)


@pytest.mark.parametrize(
    ("name", "roles", "password"),
    [
        ("", ["viewer"], PASSWORD),
        ("n", ["king"], PASSWORD),
        ("n", [], PASSWORD),
        ("n", ["viewer"], "short"),
    ],
)
def test_accounts_that_make_no_sense_are_refused(
    tmp_path, name: str, roles: list[str], password: str
) -> None:
    database = Database(str(tmp_path / "c.sqlite"))
    database.migrate()
    with pytest.raises(InputError):
        Accounts(database, hasher=CHEAP).add(name, roles, password)
    database.close()
