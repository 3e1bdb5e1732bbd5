"""Three nodes of Kafka, one of which is killed while frames pass; run by test_kafka_cluster."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from deploy.kafka.cluster import KafkaCluster
from ingest.codec import encode
from ingest.kafka import KafkaSink, KafkaSource
from tests.ingest.synthetic import cut


def main(folder: Path) -> None:
    sent = cut(list(range(0, 2001, 50)))
    heard: list[int] = []
    with KafkaCluster(folder, n_nodes=3) as cluster:
        cluster.create_topic("ecg.frames", 3)
        url = cluster.url("ecg.frames")
        sink, source = KafkaSink(url), KafkaSource(url, "group")
        for number, frame in enumerate(sent):
            if number == len(sent) // 2:
                cluster.nodes[2].kill()
            sink.write(frame.stream_id, encode([frame]))
            sink.flush()
            heard += [f.first_sample for f in source.poll(0.01).frames]
        deadline = time.monotonic() + 60
        while len(heard) < len(sent) and time.monotonic() < deadline:
            heard += [f.first_sample for f in source.poll(0.2).frames]
        source.commit()
        sink.close()
        source.close()
    order = "in order" if heard == [frame.first_sample for frame in sent] else f"as {heard}"
    print(f"heard {len(heard)} of {len(sent)}, {order}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
