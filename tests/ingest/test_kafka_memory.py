"""However much waits in the log, what is fetched ahead of the scoring is bounded."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.codec import encode
from ingest.frames import Frame, Lead
from ingest.kafka import KafkaSink
from tests.brokers import fresh_topic
from tests.records import ROOT, one_core

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

N_MESSAGES = 160
MESSAGE_BYTES = 600_000
MOST_GROWTH_BYTES = 60 << 20

SLOW_READER = """
import resource, sys, time
from ingest.kafka import KafkaSource

def rss_bytes():
    return int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()

source = KafkaSource(sys.argv[1], 'slow', options={'max_poll_records': 2})
while not source.joined:
    source.poll(0.2)
begin, most, n_read = rss_bytes(), 0, 0
for _ in range(25):  # as scoring that takes its time, while the network has all it wants
    n_read += len(source.poll(1.0).frames)
    time.sleep(0.1)
    most = max(most, rss_bytes())
print(n_read, most - begin)
source.close()
"""


@pytest.mark.kafka
@pytest.mark.slow
def test_a_long_backlog_does_not_fill_the_memory_of_a_slow_reader(
    kafka_cluster: KafkaCluster,
) -> None:
    url = fresh_topic(kafka_cluster, 2)
    sink = KafkaSink(url)
    noise = np.random.default_rng(1).integers(-3000, 3000, (1, MESSAGE_BYTES // 2), np.int16)
    for i in range(N_MESSAGES):
        frame = Frame(f"bed-{i % 8}", "a", 0, 0, 4000.0, (Lead("II"),), noise)
        sink.write(frame.stream_id, encode([frame]))
        if i % 16 == 15:
            sink.flush()
    sink.close()

    done = subprocess.run(
        [sys.executable, "-c", SLOW_READER, url],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
        cwd=ROOT,
        env=one_core(),
    )

    n_read, growth_bytes = map(int, done.stdout.split())
    assert 0 < n_read <= 51
    assert growth_bytes < MOST_GROWTH_BYTES < N_MESSAGES * MESSAGE_BYTES
