#!/bin/bash
# Make Vigil's topics with Kafka's own tools. SERVERS, PARTITIONS and REPLICATION come from outside, and
# CLIENT_CONFIG, a file of a client's settings, where Kafka asks who comes. What is there stays as it is.
set -euo pipefail
tool=${KAFKA_TOPICS:-/opt/kafka/bin/kafka-topics.sh}
make() { # NAME PARTITIONS SETTINGS...
    local name=$1 partitions=$2 settings=()
    shift 2
    for setting in "$@"; do settings+=(--config "$setting"); done
    "$tool" --bootstrap-server "$SERVERS" ${CLIENT_CONFIG:+--command-config "$CLIENT_CONFIG"} \
        --create --if-not-exists --topic "$name" \
        --partitions "$partitions" --replication-factor "$REPLICATION" "${settings[@]}"
}
day=86400000
make ecg.frames "$PARTITIONS" "retention.ms=$day" max.message.bytes=1048588
make ecg.state "$PARTITIONS" cleanup.policy=compact min.cleanable.dirty.ratio=0.1 segment.ms=600000
make ecg.alarms "$PARTITIONS" "retention.ms=$((30 * day))"
make ecg.beats "$PARTITIONS" "retention.ms=$day"
make ecg.signals "$PARTITIONS" "retention.ms=$((30 * day))"
make ecg.commands 1 "retention.ms=$((30 * day))"
make ecg.feedback 1 retention.ms=-1
make ecg.dead-letter 1 "retention.ms=$((30 * day))"
make ecg.gateway "$PARTITIONS" "retention.ms=$((30 * day))"
make ecg.shadow "$PARTITIONS" "retention.ms=$((7 * day))"
make ecg.in-force "$PARTITIONS" retention.ms=-1
