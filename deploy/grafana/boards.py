"""Grafana's dashboards as code; ``python -m deploy.grafana.boards`` writes them as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).parent
WIDTH, HEIGHT = 12, 8
"""Of a panel, in units of Grafana's grid, which is 24 wide."""

Form = Literal["timeseries", "stat", "table"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel."""

    title: str
    """What it shows."""
    queries: tuple[str, ...]
    """PromQL; each may be followed by ``|`` and a legend."""
    unit: str = "short"
    """Grafana's name of the unit."""
    form: Form = "timeseries"
    """How it is drawn."""
    limit: float | None = None
    """Value from which it is drawn in red."""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    """Its identity and file."""
    title: str
    """Its name."""
    panels: tuple[Panel, ...]
    """Its panels, two a row."""


def _quantile(q: float, name: str, over: str) -> str:
    told = f"histogram_quantile({q}, sum by (le) (rate({name}_bucket[{over}])))"
    return f"{told}|p{round(q * 100)}"


BOARDS = (
    Board(
        "vigil-operations",
        "Vigil: operations",
        (
            Panel("Patients watched", ("sum(vigil_streams)",), form="stat"),
            Panel("Lag", ("max(vigil_lag_seconds)|latest partition",), "s", limit=10),
            Panel(
                "Frames to durable alarm",
                (
                    _quantile(0.5, "vigil_frame_to_alarm_seconds", "5m"),
                    _quantile(0.99, "vigil_frame_to_alarm_seconds", "5m"),
                ),
                "s",
                limit=1,
            ),
            Panel(
                "Signal scored, of real time",
                ("sum(rate(vigil_signal_seconds_total[5m])) / sum(vigil_streams)|share",),
                "percentunit",
            ),
            Panel(
                "Time of a push",
                (_quantile(0.99, "vigil_score_seconds", "5m"),),
                "s",
            ),
            Panel("Partitions by worker", ("vigil_partitions|{{instance}} {{worker}}",)),
            Panel(
                "Dead letters",
                ("sum by (reason) (increase(vigil_dead_letters_total[5m]))|{{reason}}",),
            ),
            Panel(
                "Frames out of the ordinary",
                ("sum by (what) (rate(vigil_sequence_total[5m]))|{{what}}",),
                "cps",
            ),
            Panel(
                "Recovery of a partition",
                (_quantile(0.99, "vigil_recovery_seconds", "1h"),),
                "s",
            ),
            Panel(
                "States",
                (
                    "sum(rate(vigil_states_written_total[5m]))|written",
                    "sum(rate(vigil_streams_restored_total[5m]))|gone on with",
                    "sum(rate(vigil_states_unusable_total[5m]))|unusable",
                ),
                "cps",
            ),
            Panel("Workers", ("vigil_workers|alive",), form="stat"),
            Panel(
                "Lost to retention",
                ("sum(increase(vigil_messages_lost_total[1h]))|messages",),
                form="stat",
                limit=1,
            ),
        ),
    ),
    Board(
        "vigil-alarms",
        "Vigil: alarms",
        (
            Panel(
                "Alarms a patient-hour",
                ("sum by (priority) (vigil:alarms_per_patient_hour)|{{priority}}",),
                limit=12,
            ),
            Panel(
                "Alarms in the last hour",
                ("topk(12, sum by (condition, priority) (increase(vigil_alarms_total[1h])))",),
                form="table",
            ),
            Panel(
                "Refuted by pulses",
                ("sum by (condition) (increase(vigil_alarms_vetoed_total[1h]))|{{condition}}",),
            ),
            Panel(
                "Alarm signals",
                ("sum by (kind) (increase(vigil_alarm_signals_total[5m]))|{{kind}}",),
            ),
            Panel(
                "Notices",
                ("sum by (outcome) (increase(vigil_notices_total[5m]))|{{outcome}}",),
            ),
            Panel(
                "Refused",
                ("sum by (reason) (increase(vigil_announcing_refused_total[5m]))|{{reason}}",),
            ),
            Panel("Beats", ("sum by (aami) (rate(vigil_beats_total[5m]))|{{aami}}",), "cps"),
        ),
    ),
    Board(
        "vigil-gateways",
        "Vigil: gateways",
        (
            Panel("Uplink", ("vigil_gateway_uplink_up|{{instance}}",)),
            Panel("Age of the oldest frame", ("vigil_gateway_waiting_seconds|{{instance}}",), "s"),
            Panel("Frames that wait", ("vigil_gateway_stored_now_frames|{{instance}}",)),
            Panel("Store in use", ("vigil_gateway_stored_now_bytes|{{instance}}",), "bytes"),
            Panel(
                "Sent",
                ("sum by (kind) (rate(vigil_gateway_sent_frames_total[5m]))|{{kind}}",),
                "cps",
            ),
            Panel(
                "Dropped and refused",
                (
                    "sum(increase(vigil_gateway_dropped_frames_total[5m]))|dropped",
                    "sum by (reason) (increase(vigil_gateway_refused_total[5m]))|{{reason}}",
                ),
                limit=1,
            ),
            Panel("Disk full", ("vigil_gateway_disk_full|{{instance}}",), limit=1),
        ),
    ),
    Board(
        "vigil-fairness",
        "Vigil: fairness",
        (
            Panel(
                "State: 0 too few, 1 watched, 2 alert, 3 not compared",
                ("vigil_fairness_state|{{condition}}, {{attribute}} {{group}}",),
                form="table",
            ),
            Panel(
                "False alarms less those of the rest",
                ("vigil_fairness_difference|{{condition}}, {{attribute}} {{group}}",),
                "percentunit",
            ),
            Panel(
                "Evidence",
                (
                    "vigil_fairness_evidence|{{condition}}, {{attribute}} {{group}}",
                    "vigil_fairness_evidence_limit|limit",
                ),
            ),
            Panel(
                "Patients",
                ("vigil_fairness_patients|{{condition}}, {{attribute}} {{group}}",),
            ),
        ),
    ),
    Board(
        "vigil-shadow",
        "Vigil: shadow",
        (
            Panel("Candidates that score", ("sum(vigil_shadow_on)",), form="stat"),
            Panel(
                "Alarms that nobody was told",
                ("sum by (priority) (increase(vigil_shadow_alarms_total[1h]))|{{priority}}",),
            ),
            Panel(
                "CPU of the candidate over that of the champion",
                (
                    (
                        "sum(rate(vigil_shadow_score_seconds_total[5m])) / "
                        "sum(rate(vigil_score_seconds_sum[5m]))|share"
                    ),
                ),
            ),
            Panel(
                "Signal that it scored, of the champion's",
                (
                    (
                        "sum(rate(vigil_shadow_signal_seconds_total[5m])) / "
                        "sum(rate(vigil_signal_seconds_total[5m]))|share"
                    ),
                ),
                "percentunit",
            ),
            Panel(
                "Shed",
                ("sum by (reason) (increase(vigil_shadow_shed_total[1h]))|{{reason}}",),
                limit=1,
            ),
            Panel("Chunks that wait for it", ("sum(vigil_shadow_waiting_chunks)",)),
        ),
    ),
    Board(
        "vigil-drift",
        "Vigil: drift",
        (
            Panel("Drifts found", ("vigil_drift_alerts",), form="stat", limit=1),
            Panel(
                "State: 0 too few, 1 watched, 2 drift",
                ("vigil_drift_state|{{figure}}, {{by}} {{group}}",),
                form="table",
            ),
            Panel(
                "Evidence, of its limit",
                ("vigil_drift_evidence / vigil_drift_evidence_limit|{{figure}}, {{by}} {{group}}",),
                limit=1,
            ),
            Panel(
                "Latest patients over the reference",
                (
                    (
                        'vigil_drift_running_median{by="all"} / '
                        'vigil_drift_reference_median{by="all"}|{{figure}}'
                    ),
                ),
            ),
            Panel("Patients", ('vigil_drift_patients{by="all"}|{{figure}}',)),
            Panel("Passed over", ("increase(vigil_drift_ignored_total[1h])|{{reason}}",)),
        ),
    ),
)


def as_object(board: Board) -> dict[str, Any]:
    """Return a dashboard as Grafana reads it.

    Examples
    --------
    >>> as_object(BOARDS[0])["panels"][1]["gridPos"]
    {'x': 12, 'y': 0, 'w': 12, 'h': 8}
    """
    return {
        "uid": board.uid,
        "title": board.title,
        "tags": ["vigil"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": [_panel(i, panel) for i, panel in enumerate(board.panels)],
    }


def queries(board: Board) -> list[str]:
    """Return the PromQL of a dashboard, without legends."""
    return [query.partition("|")[0] for panel in board.panels for query in panel.queries]


def _panel(i: int, panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": i + 1,
        "type": panel.form,
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "gridPos": {"x": i % 2 * WIDTH, "y": i // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "targets": [
            {
                "refId": chr(ord("A") + k),
                "expr": query.partition("|")[0],
                "legendFormat": query.partition("|")[2] or "__auto",
                "instant": panel.form == "table",
                "format": "table" if panel.form == "table" else "time_series",
            }
            for k, query in enumerate(panel.queries)
        ],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
    }


def write(boards: Sequence[Board], folder: Path) -> list[Path]:
    """Write dashboards; return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for board in boards:
        path = folder / f"{board.uid}.json"
        path.write_text(json.dumps(as_object(board), indent=1) + "\n")
        paths.append(path)
    return paths


if __name__ == "__main__":
    for made in write(BOARDS, HERE / "dashboards"):
        print(made)
