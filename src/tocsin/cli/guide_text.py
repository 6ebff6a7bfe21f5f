"""Investigation guides for a terminal: the first steps of one, or all of it.

Guides are Markdown by whoever published the rule, so they are made harmless before they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tocsin.cli.safe_text import printable_lines

if TYPE_CHECKING:
    from rich.markdown import Markdown

_HEADING = re.compile(r"#{1,6}\s+(?P<title>.+?)\s*#*\s*\Z")
_ITEM = re.compile(r"(?P<indent>\s*)(?:[-*+]|\d{1,3}[.)])\s+(?P<text>.+)\Z")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_MARKS = re.compile(r"\*\*|__|`")
_PLUGIN = re.compile(r"!\{")  # Kibana's buttons: !{investigate{…}}


def first_steps(guide: str, most: int = 3) -> list[str]:
    r"""What to do first: the first items under the heading that promises steps.

    >>> first_steps("# Triage\n\n## Investigation steps\n\n- Look at `host.name`.\n- Ask.\n")
    ['Look at host.name.', 'Ask.']
    """
    sections = list(_sections(printable_lines(guide)))
    with_items = [(title, items) for title, items, _ in sections if items]
    titled = [
        (rank, number, items)
        for number, (title, items) in enumerate(with_items)
        if (rank := _rank(title)) is not None
    ]
    if titled:
        return min(titled)[2][:most]
    if with_items:
        return with_items[0][1][:most]
    return next(([text] for _, _, text in sections if text), [])


def _rank(title: str) -> int | None:
    """How surely a heading promises steps: less is surer."""
    order = ("investigation steps", "triage", "investigat", "checklist", "response")
    return next((n for n, words in enumerate(order) if words in title.lower()), None)


def _sections(guide: str) -> Iterator[tuple[str, list[str], str]]:
    """(heading, items of its lists, first paragraph) of every section."""
    title, items, paragraph, in_code = "", list[str](), "", False
    may_continue = False
    for line in guide.split("\n"):
        if line.lstrip().startswith("```"):
            in_code = not in_code
            continue
        heading = None if in_code else _HEADING.match(line)
        if heading:
            yield title, items, paragraph
            title, items, paragraph, may_continue = _plain(heading["title"]), [], "", False
        elif in_code or not line.strip() or _PLUGIN.match(line.strip()):
            may_continue = False
        elif item := _ITEM.match(line):
            if len(item["indent"]) < 2 or not items:  # an item of an item is a detail
                items.append(_plain(item["text"]))
                may_continue = True
            else:
                may_continue = False
        elif may_continue:
            items[-1] += f" {_plain(line)}"
        elif not paragraph and not line.startswith(">"):
            paragraph = _plain(line)
    yield title, items, paragraph


def _plain(text: str) -> str:
    return _MARKS.sub("", _LINK.sub(r"\1", text)).strip()


def guide_page(guide: str) -> Markdown:
    """All of a guide, laid out; links show where they lead instead of being clickable."""
    from markdown_it import MarkdownIt
    from rich.markdown import Markdown

    lines = [line for line in printable_lines(guide).split("\n") if not _PLUGIN.match(line.strip())]
    text = "\n".join(lines)
    page = Markdown(text, hyperlinks=False, code_theme="ansi_dark")
    # HTML is shown as it stands; by itself rich leaves it out, and what is in it.
    page.parsed = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    return page
