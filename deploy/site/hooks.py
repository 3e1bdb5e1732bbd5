"""What MkDocs is told beside the pages: generated ones, and links that lead out of the folder."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.site.reference import pages

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
"""The repository."""
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put guides that the navigation does not name behind the others, so that none is lost."""
    nav: list[Any] = config.nav or []
    left = left_out(nav, ROOT / "docs")
    if left:
        nav.append({"More": left})
    return config


def left_out(nav: Any, docs: Path) -> list[str]:
    """Return the guides and tutorials that a navigation does not name."""
    named = set(named_pages(nav))
    guides = [path.name for path in sorted(docs.glob("*.md"))]
    guides += [f"tutorials/{path.name}" for path in sorted((docs / "tutorials").glob("*.md"))]
    return [guide for guide in guides if guide not in named]


def named_pages(nav: Any) -> list[str]:
    """Return the pages of a navigation.

    Examples
    --------
    >>> named_pages([{"A": ["a.md", {"B": "b.md"}]}])
    ['a.md', 'b.md']
    """
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in named_pages(part)]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated."""
    from mkdocs.structure.files import File

    for name, text in pages(ROOT).items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links to files of the repository, which are not on the site, into their names."""
    return relink(markdown, page.file.src_uri)


def relink(markdown: str, src: str) -> str:
    """Rewrite the links of one page.

    Parameters
    ----------
    markdown : str
        The page.
    src : str
        Its path below ``docs``.

    Examples
    --------
    >>> relink("see [the card](../inference/models/qrs.md) and [why](adr/0001-x.md)", "gate.md")
    'see [the card](models/qrs.md) and [why](adr/0001-x.md)'
    >>> relink("see [the form](../ingest/frame.proto)", "gate.md")
    'see the form (`ingest/frame.proto`)'
    >>> relink("[ADR](../../docs/adr/0007-x.md)", "models/beat.md")
    '[ADR](../adr/0007-x.md)'
    """

    def rewrite(found: re.Match[str]) -> str:
        mark, text, target, anchor = found[1], found[2], found[3], found[4] or ""
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        of_card = src.startswith("models/")  # which stands elsewhere in the repository
        folder = "inference/models" if of_card else posixpath.join("docs", posixpath.dirname(src))
        place = posixpath.normpath(posixpath.join(folder, target))
        if place.startswith("docs/"):
            inner = posixpath.relpath(place.removeprefix("docs/"), posixpath.dirname(src) or ".")
            return f"{mark}[{text}]({inner}{anchor})"
        if place.startswith("inference/models/") and place.endswith(".md"):
            card = place.removeprefix("inference/")
            inner = posixpath.relpath(card, posixpath.dirname(src) or ".")
            return f"{mark}[{text}]({inner}{anchor})"
        return text if text == place else f"{text} (`{place}`)"

    return _LINK.sub(rewrite, markdown)
