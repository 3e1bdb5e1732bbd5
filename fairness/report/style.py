"""The page's style sheet: colours and verdict marks from the palette, the rest from a file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from fairness.report.palette import PAINTS

_MARKS = {
    "pass": '<circle cx="8" cy="8" r="7" fill="{c}"/>'
    '<path d="M4.5 8.2l2.4 2.4 4.6-5" fill="none" stroke="{g}" stroke-width="1.8"/>',
    "fail": '<path d="M8 .5L15.5 8L8 15.5L.5 8Z" fill="{c}"/>'
    '<path d="M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8" fill="none" stroke="{g}" stroke-width="1.8"/>',
    "insufficient": '<circle cx="8" cy="8" r="6.3" fill="{g}" stroke="{c}" stroke-width="1.5"/>'
    '<path d="M5.9 6.4a2.1 2.1 0 1 1 3 1.9q-.9.5-.9 1.3M8 11v1.4" fill="none" stroke="{c}" '
    'stroke-width="1.5"/>',
}


def style_sheet(*, paged: bool = False) -> str:
    """Return the whole style sheet; ``paged`` leaves out what only a screen needs."""
    light = {name: paint.light for name, paint in PAINTS.items()}
    verdicts = "\n".join(
        f".v-{key} {{ color: var(--{key}); }} .hero-{key} {{ border-color: var(--{key}); }}"
        for key in _MARKS
    )
    base = f":root {{ {_variables(light)} }}\n{_file('report')}\n{verdicts}\n{_marks(light)}\n"
    return f"{base}{'' if paged else _for_screens()}{_file('print')}"


def _for_screens() -> str:
    dark = {name: paint.dark for name, paint in PAINTS.items()}
    named = "\n".join(
        f".f-{name} {{ fill: var(--{name}); }} .s-{name} {{ stroke: var(--{name}); }}"
        for name in PAINTS
    )
    return (
        f":root {{ color-scheme: light dark; }}\n{_file('screen')}\n"
        f"@media screen {{\n{named}\n}}\n@media screen and (prefers-color-scheme: dark) {{\n"
        f":root {{ {_variables(dark)} }}\n{_marks(dark)}\n}}\n"
    )


def _file(name: str) -> str:
    return (Path(__file__).parent / "templates" / f"{name}.css").read_text(encoding="utf-8")


def mark(key: str, colour: str, ground: str, size: str) -> str:
    """Return a verdict's mark as a picture of its own."""
    inner = _MARKS[key].format(c=colour, g=ground)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="{size}" '
        f'height="{size}">{inner}</svg>'
    )


def _variables(colours: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def _marks(colours: dict[str, str]) -> str:
    rules = []
    for key in _MARKS:
        for selector, size in ((f".v-{key}", "12"), (f".hero h2 .v-{key}", "30")):
            picture = quote(mark(key, colours[key], colours["ground"], size), safe="/:=' ,.")
            source = f'url("data:image/svg+xml,{picture}")'
            rules.append(f"{selector}::before {{ content: {source}; }}")
    return "\n".join(rules)
