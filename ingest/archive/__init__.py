"""The archive: frames and messages of Kafka as Parquet, each once."""

from ingest.archive.keys import StreamKeys
from ingest.archive.maintenance import Done, Plan, forget_stream, maintain
from ingest.archive.reader import Archive, StreamSummary
from ingest.archive.stretch import Stretch
from ingest.archive.verify import Verified, verify
from ingest.archive.writer import ArchiveWriter, LogMessage

__all__ = [
    "Archive",
    "ArchiveWriter",
    "Done",
    "LogMessage",
    "Plan",
    "StreamKeys",
    "StreamSummary",
    "Stretch",
    "Verified",
    "forget_stream",
    "maintain",
    "verify",
]
