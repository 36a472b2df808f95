"""Each page of the book as Markdown beside its html, and `llms.txt`, the list of them, at the root of the site.

`write_markdown(out)` is called on a staged book after it has been rendered. A page keeps its prose, its code, what
was printed, its tables, and each figure as its caption and text alternative. Left out are hidden cells, pictures,
sounds, scripts, and the folded solutions: what reads these files helps students, see TUTOR.md.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import yaml
from bs4 import BeautifulSoup

TUTOR = Path(__file__).resolve().parent.parent / "TUTOR.md"
PAGES = "Every page is here as Markdown, with what its cells printed. The page for people ends in .html."
SOLUTION = "*The solution is folded on the page.*"

HEADING = re.compile(r"^# +(.+)$", re.MULTILINE)
DIRECTIVE = re.compile(
    r"^(`{3,}|:{3,})\{(?P<name>[\w-]+)\} *(?P<title>.*)\n(?::.*\n)*(?P<content>[\s\S]*?)\n?\1[ ]*$",
    re.MULTILINE,
)
SOLVED = re.compile(
    r"^(`{3,}|:{3,})\{solution-start\}[\s\S]*?^\1\{solution-end\}[\s\S]*?\n\1[ ]*$"
    r"|^(`{3,}|:{3,})\{solution\}[\s\S]*?\n\2[ ]*$",
    re.MULTILINE,
)
NOTATION = re.compile(
    r"^(?P<code>(?P<ticks>`{3,})[^`\n]*\n[\s\S]*?\n(?P=ticks)) *$"
    r"|\{(?P<role>\w+)\}`(?P<words>[^`<]+?)(?:\s*<[^>`]+>)?`"
    r"|\[(?P<link>[^\]]*)\]\((?P<page>[\w./-]+)\.(?:ipynb|md)(?P<place>(?:#[\w-]+)?)\)"
    r"|(?P<gap>\n{3,})",
    re.MULTILINE,
)
"""A block of code, which stays; a role; a link to another page; more than one empty line."""
UNSEEN = re.compile(r"<(script|style)\b[\s\S]*?</\1>|data:[\w.+-]+/[\w.+-]+[;,][^\s\"')>]*")
SPEECHLESS = re.compile(r"<[\w.]+( object| size|,|>).*")
"""What Python prints of an object that has nothing to say."""


def write_markdown(out: Path) -> None:
    """Write OUT/_build/html/NAME.md for every page NAME of OUT/_toc.yml, llms.txt, and the tutor's file beside it."""
    html = out / "_build" / "html"
    parts = contents(out)
    sources = {name: source(out, name) for names in parts.values() for name in names}
    titles = {name: title(text) for name, text in sources.items()}
    asked = {name: question(text, titles) for name, text in sources.items()}
    for name, text in sources.items():
        target = html / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(plain(text, titles), encoding="utf-8")
    shutil.copyfile(TUTOR, html / TUTOR.name)
    config = yaml.safe_load((out / "_config.yml").read_text(encoding="utf-8"))
    (html / "llms.txt").write_text(index(config, parts, titles, asked), encoding="utf-8")


def contents(out: Path) -> dict[str, list[str]]:
    """{caption: names of pages} of the table of contents, the root page under "Start"."""

    def files(node: Mapping[str, Any]) -> Iterator[str]:
        for child in (*(node.get("chapters") or ()), *(node.get("sections") or ())):
            if "file" in child:
                yield child["file"]
            yield from files(child)

    toc = yaml.safe_load((out / "_toc.yml").read_text(encoding="utf-8"))
    return {"Start": [toc["root"]]} | {part["caption"]: list(files(part)) for part in toc.get("parts", ())}


def source(out: Path, name: str) -> str:
    """A page as it was staged: the Markdown file, or the cells of the executed notebook one after the other."""
    notebook = out / f"{name}.ipynb"
    if not notebook.exists():
        return (out / f"{name}.md").read_text(encoding="utf-8")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(filter(None, map(cell_text, cells)))


def cell_text(cell: Mapping[str, Any]) -> str:
    """A cell as Markdown, its outputs included; "" for one that the page does not show."""
    tags = cell["metadata"].get("tags", [])
    words = joined(cell["source"]).strip()
    if "remove-cell" in tags or cell["cell_type"] not in ("markdown", "code"):
        return ""
    if cell["cell_type"] == "markdown":
        return words
    shown = [] if "remove-input" in tags else [fence(words, "python")]
    if "remove-output" not in tags:
        shown += map(output_text, cell["outputs"])
    return "\n\n".join(filter(None, shown))


def output_text(output: Mapping[str, Any]) -> str:
    """One output as Markdown: what was printed, a table, or a figure's words."""
    if output["output_type"] == "stream":
        return fence(joined(output["text"]).strip(), "text")
    if output["output_type"] == "error":
        return fence(f"{output['ename']}: {output['evalue']}", "text")
    data = {kind: joined(value) for kind, value in output["data"].items() if kind.startswith("text/")}
    words = data.get("text/plain", "").strip()
    words = "" if SPEECHLESS.fullmatch(words) else words
    if "text/html" in data:
        return html_text(data["text/html"], words)
    return data["text/markdown"].strip() if "text/markdown" in data else fence(words, "text")


def html_text(page: str, words: str) -> str:
    """The tables of a piece of html; or the caption of a figure, else its `words`, and what pictures and videos show."""
    soup = BeautifulSoup(page, "html.parser")
    if tables := soup.find_all("table"):
        return "\n\n".join(map(table_text, tables))
    caption = soup.find("figcaption")
    told = " ".join(caption.get_text().split()) if caption else words
    pictures = [image.get("alt") for image in soup.find_all("img")]
    pictures += [video.get("aria-label") for video in soup.find_all("video")]
    seen = dict.fromkeys(" ".join(str(words or "").split()) for words in pictures)
    lines = [f"*Figure.* {told}"] if told else []
    return "\n\n".join(lines + [f"*In the picture:* {alt}" for alt in seen if alt])


def table_text(table: Any) -> str:
    """An html table as rows of cells between bars; the first row is the head."""
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
    lines = [[" ".join(cell.get_text().split()).replace("|", "\\|") for cell in row] for row in rows]
    lines.insert(1, ["---"] * max(map(len, rows), default=0))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str, titles: Mapping[str, str]) -> str:
    """A page without the book's own notation: directives, roles, links to sources; without solutions and scripts."""

    def directive(found: re.Match[str]) -> str:
        if found["name"] in (
            "eval-rst",
            "bibliography",
        ):  # filled in by Sphinx: the html has what they stand for
            return fence(found["content"].strip(), "rst")
        kind = "Exercise: " if found["name"].startswith("exercise") else ""
        heading = found["title"] and f"**{kind}{found['title'].strip()}**"
        return f"{heading}\n\n{found['content'].strip()}\n"

    def notation(found: re.Match[str]) -> str:
        if found["code"]:
            return found[0]
        if found["role"]:
            return {"cite": "[{}]", "eq": "({})"}.get(found["role"], "{}").format(found["words"])
        words = found["link"] or titles.get(f"book/{found['page']}", found["page"])
        return "\n\n" if found["gap"] else f"[{words}]({found['page']}.md{found['place']})"

    text = UNSEEN.sub("", DIRECTIVE.sub(directive, SOLVED.sub(SOLUTION, text)))
    return NOTATION.sub(notation, text).strip() + "\n"


def title(text: str) -> str:
    """The first heading of a page."""
    found = HEADING.search(text)
    return found[1].strip() if found else ""


def question(text: str, titles: Mapping[str, str]) -> str:
    """What a page says first after its heading: its question in bold, or else the first sentence; or nothing."""
    found = HEADING.search(text)
    for paragraph in plain(text[found.end() :], titles).split("\n\n") if found else []:
        words = " ".join(paragraph.split())
        if bold := re.match(r"\*\*(.+?)\*\*", words):
            return bold[1]
        if words[:1].isalpha():
            return re.split(r"(?<=[.?!]) ", words)[0]
    return ""


def index(
    config: Any, parts: Mapping[str, list[str]], titles: Mapping[str, str], asked: Mapping[str, str]
) -> str:
    """llms.txt (llmstxt.org): the book's title and question, then every page with its address and what it asks."""
    owner, repository = urlparse(config["repository"]["url"]).path.strip("/").split("/")[:2]
    site = f"https://{owner}.github.io/{repository}/"
    (root,) = parts["Start"]
    sections = [f"# {titles[root]}\n\n> {config['title']}. {asked[root]}\n\n{PAGES}"]
    for caption, names in parts.items():
        lines = (f"- [{titles[name]}]({site}{name}.md): {asked[name]}".rstrip(": ") for name in names)
        sections += [f"## {caption}", "\n".join(lines)]
    tutor = f"- [How to help a student]({site}{TUTOR.name}): hints, not solutions"
    return "\n\n".join([*sections, "## For assistants", tutor]) + "\n"


def fence(text: str, language: str) -> str:
    """`text` as a block of code, behind more backticks than it holds; "" for nothing."""
    ticks = "`" * (1 + max(map(len, re.findall(r"`{3,}", text)), default=2))
    return f"{ticks}{language}\n{text}\n{ticks}" if text else ""


def joined(text: str | list[str]) -> str:
    """A notebook writes text as one string or as a list of lines."""
    return text if isinstance(text, str) else "".join(text)
