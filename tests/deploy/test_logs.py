"""What log lines look like, and where they go."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from deploy.logs import set_up_logging
from ingest.errors import InputError


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers = []
    yield
    root.level, root.handlers = level, handlers


def test_json_lines_hold_message_level_and_error() -> None:
    stream = io.StringIO()
    set_up_logging("INFO", "json", stream)
    try:
        raise OSError("disk full")
    except OSError:
        logging.getLogger("vigil.store").exception("cannot write %s", "alarms")
    fields = json.loads(stream.getvalue())
    assert fields["message"] == "cannot write alarms"
    assert (fields["level"], fields["logger"]) == ("error", "vigil.store")
    assert "disk full" in fields["error"]
    assert fields["time"].endswith("Z")


def test_lines_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    set_up_logging("warning", "plain", stream)
    logging.getLogger("vigil").info("chatter")
    logging.getLogger("vigil").warning("trouble")
    assert "chatter" not in stream.getvalue()
    assert stream.getvalue().endswith("WARNING vigil: trouble\n")


def test_setting_up_twice_does_not_write_twice() -> None:
    stream = io.StringIO()
    set_up_logging("info", "plain", stream)
    set_up_logging("info", "plain", stream)
    logging.getLogger("vigil").info("once")
    assert stream.getvalue().count("once") == 1


@pytest.mark.parametrize(("level", "style"), [("loud", "plain"), ("info", "xml")])
def test_unknown_words_are_named(level: str, style: str) -> None:
    with pytest.raises(InputError, match="is not one of"):
        set_up_logging(level, style)
