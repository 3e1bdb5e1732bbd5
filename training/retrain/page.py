"""The record of a change as people read it: one text, as Markdown and as a page."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "th,td{border:1px solid #bbb;padding:.35rem .5rem;text-align:left;vertical-align:top}"
    "th{background:#f2f2f2}.passed{color:#05603a;font-weight:600}"
    ".failed,.stopped,.insufficient{color:#a1130d;font-weight:600}code{overflow-wrap:anywhere}"
)


def to_markdown(record: Mapping[str, Any]) -> str:
    """Write a record as Markdown."""
    lines = []
    for kind, content in _blocks(record):
        if kind == "table":
            head, *rows = content
            lines.append("| " + " | ".join(head) + " |")
            lines.append("|" + "---|" * len(head))
            lines += [
                "| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows
            ]
            lines.append("")
        else:
            mark = {"h1": "# ", "h2": "## ", "h3": "### ", "p": ""}[kind]
            lines += [f"{mark}{content}", ""]
    return "\n".join(lines)


def to_html(record: Mapping[str, Any]) -> str:
    """Write a record as one page without anything from elsewhere."""
    parts = []
    for kind, content in _blocks(record):
        if kind == "table":
            head, *rows = content
            parts.append("<table><thead><tr>" + _cells("th", head) + "</tr></thead><tbody>")
            parts += [f"<tr>{_cells('td', row)}</tr>" for row in rows]
            parts.append("</tbody></table>")
        else:
            parts.append(f"<{kind}>{_marked(content)}</{kind}>")
    title = html.escape(f"Change {record['name']}: {record['outcome']}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _blocks(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    what = record["description_of_modifications"]
    gates = record["impact_assessment"]["gates"]
    yield "h1", f"Change {record['name']}: {record['outcome']}"
    stopped = record["stopped_by"]
    yield "p", f"{record['at']}. " + (f"Stopped by: {', '.join(stopped)}." if stopped else
                                      "Every gate was passed.")  # fmt: skip
    yield "h2", "Description of modifications"
    yield "p", f"{what['what']} {what['why']}"
    rows = [("", "name", "version", "SHA-256", "patients")]
    for side in ("champion", "candidate"):
        one = what[side]
        told = ("not made", "", "", "") if one is None else (
            one["name"], one["version"], one["sha256"][:16], str(one["patients"] or "not told")
        )  # fmt: skip
        rows.append((side, *told))
    yield "table", rows
    if what["training"]:
        changed = [
            (key, *map(_short, pair)) if isinstance(pair, list) else (key, _short(pair), "")
            for key, pair in what["training"].items()
        ]
        yield "h3", "Training"
        yield "table", [("key", "champion", "candidate"), *changed]
    yield from _data(what["data"])
    yield from _protocol(record["modification_protocol"])
    yield "h2", "Impact assessment"
    yield (
        "table",
        [
            ("gate", "outcome", "measured"),
            *((gate["name"], gate["decision"], gate["reason"]) for gate in gates),
        ],
    )
    for name, words in (("benefit", "Hoped for"), ("risk", "Risk")):
        if what[name]:
            yield "p", f"{words}: {what[name]}"


def _data(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "h3", "Data"
    yield (
        "p",
        (
            f"{data['patients']} patients, of whom new: {_names(data['new'])}; gone: "
            f"{_names(data['gone'])}. Locked: {data['locked_patients']} patients; known to the "
            f"champion: {_names(data['locked_known_to_champion'])}."
        ),
    )


def _protocol(protocol: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "h2", "Modification protocol"
    managed = protocol["data_management"]
    yield (
        "p",
        (
            f"Data: manifest {managed['manifest_sha256'][:16]}, locked set "
            f"{managed['locked_sha256'][:16]}; {managed['rule']}. Records: "
            f"{_pairs(managed['records'])}. Labels: {_pairs(managed['labels'])}."
        ),
    )
    look = protocol["look"]
    yield (
        "p",
        "The locked set was not looked at."
        if look is None
        else (f"Look {look['n']} at the locked set, logged {look['at']}."),
    )
    yield "p", f"Update: {protocol['update_procedure']}."
    asked = [(g["gate"], g["protocol"], g["limit"]) for g in protocol["performance_evaluation"]]
    yield "table", [("gate", "protocol", "limit"), *asked]


def _cells(tag: str, row: tuple[str, ...]) -> str:
    return "".join(f"<{tag}>{_marked(cell)}</{tag}>" for cell in row)


def _marked(text: str) -> str:
    """Escape; colour what decides."""
    known = {"passed": "passed", "failed": "failed", "insufficient evidence": "insufficient"}
    safe = html.escape(text)
    return f'<span class="{known[text]}">{safe}</span>' if text in known else safe


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    if isinstance(value, list) and all(isinstance(e, Mapping) and "database" in e for e in value):
        text = ", ".join(
            f"{e['database']} ({_many(e['records'])}, .{e['annotator']})" for e in value
        )
    return text if len(text) <= 80 else f"{text[:77]}..."


def _many(records: object) -> str:
    """Say how many records, or which part by its name."""
    return f"{len(records)} records" if isinstance(records, list) else str(records)


def _names(names: list[str] | None) -> str:
    if names is None:
        return "not told"
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return shown or "nobody"


def _pairs(told: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in told.items())
