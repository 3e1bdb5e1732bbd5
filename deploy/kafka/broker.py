"""Start Apache Kafka by hand: ``python -m deploy.kafka.broker`` (or ``make kafka``)."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.topics import STATES, TOPICS
from ingest.errors import InputError

STATES_CONFIG = STATES.settings
"""Keeps the last state of every stream, and little more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a throw-away Kafka until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, help="number of nodes (default 1)")
    parser.add_argument("--partitions", type=int, default=6, help="of spread topics (default 6)")
    parser.add_argument("--port", type=int, default=9092, help="of the first node (default 9092)")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vigil-kafka-") as folder,
            KafkaCluster(Path(folder), chosen.nodes, chosen.port) as cluster,
        ):
            for topic in TOPICS:
                partitions = chosen.partitions if topic.is_spread else 1
                cluster.create_topic(topic.name, partitions, topic.settings)
            names = [topic.name for topic in TOPICS]
            print(f"Kafka is ready. Topics: {', '.join(map(cluster.url, names))}", flush=True)
            print("Ctrl-C stops it and deletes its log.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
