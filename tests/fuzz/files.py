"""Readers of files: recordings, keys, logs."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from pathlib import Path

import numpy as np

from tests.fuzz.target import Target
from tests.fuzz.targets import JSON_WORDS, file_reader, folder


def wfdb_header() -> Target:
    """Headers of WFDB records, with signal files that are there."""
    from ingest.wfdb_records import read_wfdb

    here = folder()
    (here / "r.dat").write_bytes(np.arange(600, dtype="<i2").tobytes())
    (here / "s.hea").write_text("s 1 360 300\nr.dat 16 200 11 0 0 0 0 II\n")
    seeds = [
        b"r 2 360 300\nr.dat 16 200 11 1024 995 -22131 0 MLII\nr.dat 16 200 11 0 1 2 0 V5\n# x\n",
        b"r 1 250/250 300 12:00:00 01/02/2020\nr.dat 212 200(0)/mV 12 0 0 0 0 II\n",
        b"r/2 1 360 600\ns 300\ns 300\n",
        b"r 1 100 75\nr.dat 16x2:3+8 1.5(7)/uV 16 0 0 0 0 ECG\n",
    ]
    words = (b"\n", b" ", b"#", b"/", b"~ 5\n", b"x9", b":7", b"+3", b"(1)", b"r.dat", b"s", b"1e9",
             b"310", b"80", b"516", b"../r.dat")  # fmt: skip

    def read(path: Path) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read_wfdb(path.with_suffix(""))

    return Target("wfdb-header", seeds, file_reader("r.hea", read), words)


def wfdb_signals() -> Target:
    """Signal files of WFDB records: compressed ones and others, under a header that is good."""
    from ingest.wfdb_records import read_wfdb

    here = folder()
    formats = ("16", "212", "310", "8", "24", "80", "311", "160", "32")
    for fmt in formats:
        (here / f"f{fmt}.hea").write_text(f"f{fmt} 1 360 40\nsig.dat {fmt} 200 12 0 0 0 0 II\n")
    turns = [0]

    def read(path: Path) -> object:
        turns[0] += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read_wfdb(path.with_name(f"f{formats[turns[0] % len(formats)]}"))

    seeds = [np.arange(200, dtype="<i2").tobytes(), bytes(400)]
    return Target("wfdb-signals", seeds, file_reader("sig.dat", read))


def edf() -> Target:
    """EDF and BDF files."""
    import edfio

    from ingest.edf_records import read_edf

    signals = [
        edfio.EdfSignal(np.linspace(-1, 1, 300), 100.0, label=f"ECG {i}", physical_dimension="mV")
        for i in range(2)
    ]
    path = folder() / "seed.edf"
    edfio.Edf(signals[:1]).write(path)
    seeds = [path.read_bytes()]
    edfio.Edf(signals).write(path)
    seeds.append(path.read_bytes())
    bdf = folder() / "seed.bdf"
    with contextlib.suppress(AttributeError):
        edfio.Bdf(
            [edfio.BdfSignal(np.linspace(-1, 1, 100), 100.0, label="ECG", physical_dimension="mV")]
        ).write(bdf)
        seeds.append(bdf.read_bytes())
    words = (b"        ", b"EDF+C", b"EDF+D", b"-1      ", b"\xffBIOSEMI", b"99999999", b"1E9     ",
             b"EDF Annotations ", b"+0\x14\x14\x00")  # fmt: skip
    return Target("edf", seeds, file_reader("x.edf", read_edf), words)


def keys() -> Target:
    """Keys of pseudonyms."""
    from ingest.pseudonyms import read_keys

    seeds = [b"# keys\nk2 " + b"0f" * 32 + b"\nk1 " + b"a0" * 40 + b"\n"]
    call = file_reader("keys", read_keys)
    path = folder() / "keys"
    path.touch(mode=0o600)
    return Target("keys", seeds, call, (b"\n", b" ", b"#", b"k1 "))


def audit_log() -> Target:
    """Audit logs."""
    from deploy.audit_log import AuditLog, verify

    path = folder() / "seed.jsonl"
    with AuditLog(path, sync=False) as log:
        log.append("nurse 7", "command.acknowledge", {"stream_id": "p1", "n": 1.5})
        log.append("vigil", "monitor.stop")
    words = (*JSON_WORDS, b'"hash":', b"0" * 64, b"\n")
    return Target("audit-log", [path.read_bytes()], file_reader("audit.jsonl", verify), words)


def annunciation_log() -> Target:
    """Logs of alarm signals."""
    from inference.annunciation import LogWriter, Policy, read_log
    from inference.annunciation.inputs import Acknowledge, SetLimits
    from inference.annunciation.log import Entry
    from inference.limits import Limits

    path = folder() / "signals.jsonl"
    with LogWriter(path, Policy(), Limits(), sync=False) as log:
        log.append(Entry(5, "p1", Acknowledge("nurse 7")))
        log.append(Entry(9, "p1", SetLimits("nurse 7", "why", {"tachycardia_bpm": 130})))
    words = (*JSON_WORDS, b'"n":', b'"command":', b"\n")
    return Target("signal-log", [path.read_bytes()], file_reader("s.jsonl", read_log), words)


def state() -> Target:
    """States of streams, with a digest that fits: whoever may write their topic can make one."""
    from inference.pipeline import Pipeline
    from inference.stream_state import Fingerprint, StreamState, decode_state, encode_state
    from ingest.sequence import Sequencer

    of = Fingerprint.of(Pipeline(), Sequencer())
    written = encode_state(StreamState("p1", 7, 8, b'{"next": 1}', None, (b'{"id": "a"}',)), of)

    def call(body: bytes) -> object:
        return decode_state(body + hashlib.sha256(body).digest(), of)

    words = (*JSON_WORDS, b'"arrays": [["a", "<f4", [9]]]', b'"info": {}', b'"|O"')
    return Target("state", [written[:-32]], call, words)
