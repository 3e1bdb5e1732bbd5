"""What stands above what, and how a wrong key is told."""

from pathlib import Path

import pytest

from deploy.settings import load_settings
from inference.limits import Limits
from ingest.errors import InputError


@pytest.fixture
def write(tmp_path: Path):
    """Write a settings file and return its path."""

    def write_it(text: str) -> Path:
        path = tmp_path / "vigil.toml"
        path.write_text(text)
        return path

    return write_it


def test_defaults_are_the_topics_of_the_architecture() -> None:
    kafka = load_settings().kafka
    assert (kafka.topic_in, kafka.topic_out) == ("ecg.frames", "ecg.alarms")
    assert kafka.topic_dead == "ecg.dead-letter"


def test_command_line_stands_above_environment_above_file(
    write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write('[kafka]\ngroup = "file"\ntopic_in = "file"\ntopic_out = "file"\n')
    monkeypatch.setenv("VIGIL_KAFKA__GROUP", "env")
    monkeypatch.setenv("VIGIL_KAFKA__TOPIC_IN", "env")
    kafka = load_settings(path, {"kafka": {"group": "cli"}}).kafka
    assert (kafka.group, kafka.topic_in, kafka.topic_out) == ("cli", "env", "file")


def test_values_of_the_environment_get_their_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIL_HTTP__PORT", "0")
    monkeypatch.setenv("VIGIL_LIMITS__BRADYCARDIA_BPM", "45.5")
    monkeypatch.setenv("VIGIL_LIMITS__VT_BEATS", "6")
    settings = load_settings()
    assert settings.http.port == 0
    assert settings.limits == {"bradycardia_bpm": 45.5, "vt_beats": 6}
    assert Limits.from_mapping(settings.limits).vt_beats == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[kafka]\ngrop = 'x'", "kafka.grop: no such key; allowed are servers, topic_in"),
        ("[kafak]\ngroup = 'x'", "kafak: no such key; allowed are kafka, models, http"),
        ("[http]\nport = 70000", "http.port = 70000: Input should be less than or equal to 65535"),
        ("[kafka]\nservers = 'localhost'", "kafka.servers = 'localhost': String should match"),
        ("[limits]\nfast = 'very'", "limits.fast = 'very': Input should be a valid number"),
        ("kafka = 3", "kafka = 3: Input should be a valid dictionary"),
        ("[kafka", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(write, text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(write(text))
    assert told in str(caught.value)


def test_all_wrong_keys_are_told_at_once(write) -> None:
    with pytest.raises(InputError, match=r"http\.port.*; .*batch\.nope"):
        load_settings(write("[http]\nport = -1\n[batch]\nnope = 1"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.toml: No such file"):
        load_settings(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vigil.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not TOML"):
        load_settings(path)


@pytest.mark.parametrize("name", ["VIGIL_KAKFA__GROUP", "VIGIL_KAFKA__GROP"])
def test_an_unknown_variable_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(InputError, match="allowed are"):
        load_settings()


def test_a_table_given_as_a_bad_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIL_KAFKA", "not json")
    with pytest.raises(InputError, match="VIGIL_TABLE__KEY=VALUE"):
        load_settings()


def test_other_variables_of_vigil_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIL_DATA", "/records")
    monkeypatch.setenv("VIGIL_LOG_LEVEL", "info")
    load_settings()


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().kafka.group = "other"
