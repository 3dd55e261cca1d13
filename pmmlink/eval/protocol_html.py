"""The report of a protocol as one HTML file: tables and drawn curves, nothing loaded from anywhere."""

from __future__ import annotations

import re
from html import escape

from pmmlink.eval.protocol import ProtocolReport
from pmmlink.eval.protocol_plots import plots
from pmmlink.eval.protocol_report import Section, Table, sections, title_of

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1f23; --soft: #666c75; --line: #d9dce1; --ground: #ffffff;
  --band: #f5f6f8; --measured: #8b929c; --predicted: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa1ab; --line: #3a3e45;
  --ground: #16181c; --band: #1f2227; --measured: #7c8592; --predicted: #fb923c; } }
body { margin: 0 auto; max-width: 1040px; padding: 32px 24px 64px;
  background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 8px; }
h3 { font-size: 15px; margin: 24px 0 4px; overflow-wrap: anywhere; }
h3 small { font-weight: normal; color: var(--soft); }
p, ul { margin: 8px 0; } ul { padding-left: 20px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0; }
th, td { padding: 5px 12px 5px 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; white-space: normal; min-width: 56px; }
th:first-child, td:first-child { text-align: left; padding-left: 6px; }
td.words { text-align: left; white-space: normal; min-width: 180px; }
th.words { text-align: left; }
tbody tr:nth-child(even) { background: var(--band); }
.interval { color: var(--soft); font-size: 12px; display: block; }
.note { color: var(--soft); font-size: 13px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; }
svg .name { fill: var(--ink); }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .measured { fill: none; stroke: var(--measured); stroke-width: 2.4; }
svg .predicted { fill: none; stroke: var(--predicted); stroke-width: 1.5; }
svg .dot { fill: var(--predicted); fill-opacity: 0.55; }
.key { display: inline-block; width: 26px; height: 0; border-top: 3px solid; vertical-align: middle;
  margin: 0 6px 0 14px; }
code { font-size: 90%; }
"""


def to_html(report: ProtocolReport) -> str:
    """The whole page."""
    title = escape(title_of(report))
    body: list[str] = []
    for section in sections(report):
        body.append(_section(section))
        if section.title == "Worst takes":
            body.append(plots(report))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    if section.text:
        parts.append(_text(section.text))
    if section.table is not None:
        parts.append(_table(section.table))
    return "\n".join(parts)


def _text(text: str) -> str:
    """Paragraphs and lists of the little Markdown that the sections hold."""
    out = []
    for block in text.split("\n\n"):
        if block.startswith(("- ", "* ")):
            items = re.split(r"\n(?=[-*] )", block)
            out.append("<ul>" + "".join(f"<li>{_inline(item[2:])}</li>" for item in items) + "</ul>")
        else:
            out.append(f"<p>{_inline(block)}</p>")
    return "\n".join(out)


def _inline(text: str) -> str:
    marked = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text, quote=False))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", marked)


def _table(table: Table) -> str:
    words = {i for i, title in enumerate(table.head) if title in ("notes", "subject", "take") and i}
    head = "".join(f"<th{_words(i in words)}>{escape(title)}</th>" for i, title in enumerate(table.head))
    rows = "".join(
        "<tr>"
        + "".join(f"<td{_words(i in words)}>{_cell(text)}</td>" for i, text in enumerate(row))
        + "</tr>"
        for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}'
    )


def _words(yes: bool) -> str:
    return ' class="words"' if yes else ""


def _cell(text: str) -> str:
    figure = re.fullmatch(r"(-?[\d.]+) (\[.+\])", text)
    if figure:
        return f'{figure.group(1)}<span class="interval">{figure.group(2)}</span>'
    return escape(text)
