"""The trial of faults: workers and brokers that die, freeze, are cut off; the alarms all right.

``python -m deploy.trials.faults --records ../shared/data/mitdb --minutes 15 --report docs``

Streams of real records go through a Kafka of three nodes to workers, each a process of its
own, while these are killed (SIGKILL), frozen (SIGSTOP) beyond their session and thawed, joined
by others, restarted; brokers are killed and started; the proxy between workers and brokers cuts
connections, delays and holds them up; the disk of the alarm signals' log or of a broker is full for
a while. Messages that cannot be read are among the frames.
Then the alarm topic, read with ``read_committed``, must be for every stream, byte for byte, what
one worker tells that nothing happens to, and every message that cannot be read one dead letter.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.kafka.broker import STATES_CONFIG
from deploy.kafka.cluster import KafkaCluster
from deploy.services.bench.workload import Ward, from_folder, simulated
from deploy.trials.chaos import KINDS, Chaos, Fault
from deploy.trials.fault_outcome import BOUND_S, Outcome, Plan, as_object
from deploy.trials.fault_page import page
from deploy.trials.fault_traffic import Reader, Sender, Watch, differences, undisturbed
from deploy.trials.fleet import WorkerProcess
from deploy.trials.tcp_proxy import TcpProxy
from inference.annunciation import read_log, replay
from ingest.dead_letters import decode_dead_letter
from ingest.errors import InputError
from ingest.recording import Recording

logger = logging.getLogger(__name__)

PATIENCE_S = 900.0
"""Longest time until all is settled behind the last fault, s: a busy machine is slow, not wrong."""


def run(
    plan: Plan, recordings: Sequence[Recording], folder: Path, cluster: KafkaCluster | None = None
) -> Outcome:
    """Try it.

    Parameters
    ----------
    plan : Plan
        What.
    recordings : sequence of Recording
        What the streams are cut from.
    folder : Path
        Empty folder for logs.
    cluster : KafkaCluster, optional
        One that runs; else one of ``plan.nodes`` with proxies is started.

    Raises
    ------
    InputError
        If Kafka cannot be started.
    TimeoutError
        If workers do not start, or all is not settled in time.
    """
    begun_s = time.monotonic()
    ward = Ward(recordings, plan.streams)
    n_steps = round(60 * plan.minutes * plan.speed / ward.frame_s)
    outcome = Outcome(plan)
    with ExitStack() as opened:
        if cluster is None:
            made = KafkaCluster(folder / "kafka", plan.nodes, proxied=True)
            cluster = opened.enter_context(made)
        proxies = [TcpProxy(*ports) for ports in cluster.proxies.values()]
        for proxy in proxies:
            proxy.start()
            opened.callback(proxy.stop)
        topics = _make_topics(cluster, plan, tag=f"{plan.seed}-{time.time_ns():x}")
        workers = _make_workers(cluster, plan, topics, folder, proxies)
        opened.callback(lambda: [worker.stop() for worker in workers])
        for worker in workers:
            worker.start()
        reader, dead = (Reader(cluster.url(topics[kind])) for kind in ("out", "dead"))
        for each in (reader, dead):
            each.start()
            opened.callback(each.stop)
        for worker in workers:
            worker.wait_ready(PATIENCE_S)
        watch = Watch(cluster.url(topics["in"]), topics["group"])
        opened.callback(watch.stop)
        sender = Sender(cluster.url(topics["in"]), ward, n_steps, plan.speed)
        chaos = Chaos(random.Random(plan.seed), workers, cluster, proxies, plan.kinds)
        sender.start()
        _live(plan, sender, chaos, workers)
        _settle(watch, workers, sender)
        logger.info("all is settled")
        outcome.exits = _stop(workers)
        time.sleep(2.0)  # one more look for messages that should not be there
        _judge(outcome, ward, n_steps, reader, watch, chaos.faults, sender.sent_s, folder)
        _judge_rest(outcome, sender, dead, workers, folder)
        _count(outcome, workers, proxies, sender)
    outcome.wall_s = time.monotonic() - begun_s
    return outcome


def _make_topics(cluster: KafkaCluster, plan: Plan, tag: str) -> dict[str, str]:
    names = {kind: f"faults.{kind}.{tag}" for kind in ("in", "out", "dead", "state")}
    for kind, name in names.items():
        config = STATES_CONFIG if kind == "state" else None
        cluster.create_topic(name, plan.partitions, config)
    return {**names, "group": f"faults-{tag}"}


def _make_workers(
    cluster: KafkaCluster,
    plan: Plan,
    topics: dict[str, str],
    folder: Path,
    proxies: Sequence[TcpProxy],
) -> list[WorkerProcess]:
    servers = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies) or cluster.bootstrap
    workers = []
    for i in range(plan.workers):
        name = f"worker-{i}"
        config = folder / f"{name}.toml"
        is_named = i < max(1, plan.workers - 1)
        lines = [
            "[kafka]",
            f'servers = "{servers}"',
            f'topic_in = "{topics["in"]}"',
            f'topic_out = "{topics["out"]}"',
            f'topic_dead = "{topics["dead"]}"',
            f'topic_state = "{topics["state"]}"',
            f'group = "{topics["group"]}"',
            *([f'instance_id = "{name}"'] if is_named else []),
            "[state]",
            f"every_s = {plan.state_every_s}",
            "[annunciation]",
            "enabled = true",
            f'log = "{folder / name}.annunciation"',
        ]
        config.write_text("\n".join(lines))
        workers.append(WorkerProcess(name, config, folder))
    return workers


def _live(plan: Plan, sender: Sender, chaos: Chaos, workers: Sequence[WorkerProcess]) -> None:
    """Let faults happen while signal is sent."""
    draw = random.Random(plan.seed + 1)
    next_s = time.monotonic() + draw.expovariate(1 / plan.every_s)
    told_s = time.monotonic()
    while sender.is_alive():
        now_s = time.monotonic()
        for worker in workers:
            worker.look_after(now_s)
        chaos.heal(now_s)
        if now_s >= next_s:
            chaos.strike(now_s)
            next_s = now_s + draw.expovariate(1 / plan.every_s)
        if now_s >= told_s + 30.0:
            told_s = now_s
            counts = dict(Counter(fault.kind for fault in chaos.faults))
            logger.info("%d s of signal sent, faults: %s", len(sender.sent_s), counts)
        time.sleep(0.05)
    chaos.heal(float("inf"))
    logger.info("all is sent, and the faults are over")
    if sender.error is not None:
        raise sender.error


def _settle(watch: Watch, workers: Sequence[WorkerProcess], sender: Sender) -> None:
    """Wait until all is settled."""
    deadline = time.monotonic() + PATIENCE_S
    sent_s = time.monotonic()
    while not (watch.is_settled and watch.looks[-1].at_s > sent_s):
        now_s = time.monotonic()
        if now_s > deadline:
            last = watch.looks[-1] if watch.looks else None
            raise TimeoutError(f"not settled in {PATIENCE_S:.0f} s: {last} {watch.error}")
        for worker in workers:
            worker.look_after(now_s)
        time.sleep(0.1)


def _stop(workers: Sequence[WorkerProcess]) -> dict[str, int]:
    exits: Counter[str] = Counter()
    for worker in workers:
        exits.update(str(code) for code in worker.exits)
        exits[str(worker.stop())] += 1
    return dict(exits)


def _judge(
    outcome: Outcome,
    ward: Ward,
    n_steps: int,
    reader: Reader,
    watch: Watch,
    faults: Sequence[Fault],
    sent_s: Sequence[float],
    folder: Path,
) -> None:
    """Lay the alarms beside those of the undisturbed run; take the times."""
    wanted = undisturbed(ward, n_steps)
    outcome.alarms, outcome.read = sum(map(len, wanted.values())), len(reader.messages)
    found = reader.by_stream()
    outcome.streams_wrong = differences(found, wanted)
    for stream_id in outcome.streams_wrong:
        for name, told in (("found", found), ("wanted", wanted)):
            (folder / f"{stream_id}.{name}").write_bytes(b"\n".join(told.get(stream_id, [])))
    outcome.faults = dict(Counter(fault.kind for fault in faults))
    for fault in faults:
        recovery_s = watch.recovery_s(fault.at_s)
        if recovery_s is None:
            outcome.unrecovered += 1
        else:
            outcome.recovery_s.setdefault(fault.kind, []).append(round(recovery_s, 2))
    to_wall_s = time.time() - time.monotonic()
    for _, value, read_s in reader.messages:
        alarm = json.loads(value)
        step = int(alarm["decided"]["sample"] // round(ward.frame_s * ward.recordings[0].fs))
        decided_s = sent_s[min(step, len(sent_s) - 1)]
        over = (fault.over_s + to_wall_s for fault in faults if fault.at_s + to_wall_s < read_s)
        outcome.delay_s.append(read_s - decided_s)
        outcome.beyond_s.append(max(0.0, read_s - max([decided_s, *over])))


def _judge_rest(
    outcome: Outcome,
    sender: Sender,
    dead: Reader,
    workers: Sequence[WorkerProcess],
    folder: Path,
) -> None:
    """Lay dead letters beside what was sent that cannot be read; replay the logs of signals."""
    letters = [decode_dead_letter(value).payload for _, value, _ in dead.messages]
    kinds, sent = set(letters), set(sender.junk)
    outcome.junk, outcome.dead = len(sent), len(letters)
    other = kinds - sent - set(sender.doubtful)
    outcome.dead_wrong = (len(sent - kinds), len(letters) - len(kinds), len(other))
    for worker in workers:
        outcome.logs += 1
        try:
            replay(read_log(folder / f"{worker.name}.annunciation"))
        except InputError as error:
            logger.error("%s: %s", worker.name, error)
            outcome.logs_broken += 1


def _count(
    outcome: Outcome,
    workers: Sequence[WorkerProcess],
    proxies: Sequence[TcpProxy],
    sender: Sender,
) -> None:
    outcome.starts = sum(worker.starts for worker in workers)
    outcome.cut, outcome.sends_again = sum(proxy.n_cut for proxy in proxies), sender.n_failed
    for worker in workers:
        log = worker.log.read_text(errors="replace")
        outcome.taken_over += log.count("streams from their states")
        outcome.broken_states += log.count("cannot be gone on from")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial; return 1 where an alarm was lost, doubled, other or too late."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=Path, help="folder of WFDB records; else simulated")
    parser.add_argument("--report", type=Path, help="folder for faults.json and faults.md")
    parser.add_argument("--work", type=Path, help="folder for logs; else one that is removed")
    for name in ("streams", "workers", "partitions", "nodes", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan(), name))
    for name in ("minutes", "speed", "every-s", "state-every-s"):
        parser.add_argument(
            f"--{name}", type=float, default=getattr(Plan(), name.replace("-", "_"))
        )
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    given = vars(parser.parse_args(arguments))
    records, report, work = (given.pop(name) for name in ("records", "report", "work"))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("deploy.trials").setLevel(logging.INFO)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it is told of every fault
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # brokers and workers end with it
    recordings = simulated() if records is None else from_folder(records)
    plan = Plan(**{**given, "kinds": tuple(given["kinds"])})
    try:
        with tempfile.TemporaryDirectory(prefix="vigil-faults-") as folder:
            outcome = run(plan, recordings, work or Path(folder))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    told = as_object(outcome)
    print(json.dumps(told, indent=1))
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        (report / "faults.json").write_text(json.dumps(told, indent=1) + "\n")
        of = "a simulated ward" if records is None else records.name
        (report / "faults.md").write_text(page(told, of, BOUND_S))
    is_late = max(outcome.beyond_s, default=0.0) > BOUND_S
    return 0 if outcome.is_whole and not is_late else 1


if __name__ == "__main__":
    sys.exit(main())
