"""Pages as Markdown: what a reader sees is there, what is hidden or folded is not, and llms.txt lists them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

TOC = """
format: jb-book
root: book/intro
parts:
  - caption: Foundations
    chapters:
      - file: book/01_task
        sections:
          - file: book/notes
  - caption: Back matter
    chapters:
      - file: book/bibliography
"""
CONFIG = "title: A book\nrepository:\n  url: https://github.com/owner/name\n"
FIGURE = (
    '<figure><style>.x { color: red }</style><img src="data:image/webp;base64,AAAA" alt="Two cows,\n one painted">'
    "<figcaption>What it paints.<span> Scene: GPL-3.0 (GPL).</span></figcaption>"
    '<script>var secret = "data:audio/mp3;base64,BBBB"</script></figure>'
)
TABLE = "<table><tr><th>a</th><th>b|c</th></tr><tr><td>1</td><td><b>2</b></td></tr></table>"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("markdown_pages")


def prose(*text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(text)}


def code(text: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": [text], "outputs": list(outputs)}


def shown(**data: str) -> dict[str, Any]:
    kinds = {f"text/{kind}": [text] for kind, text in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": kinds | {"image/png": "CCCC"}}


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": [text]}


Convert = Callable[..., str]


@pytest.fixture
def convert(pages: ModuleType, tmp_path: Path) -> Convert:
    """The cells of chapter 1 -> its Markdown; the folder is tmp_path."""

    def run(*cells: dict[str, Any]) -> str:
        (tmp_path / "book").mkdir(exist_ok=True)
        (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
        (tmp_path / "_config.yml").write_text(CONFIG, encoding="utf-8")
        (tmp_path / "book/01_task.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
        texts = {
            "intro": "# The book\n\n**Who\nbarks?** Read on.\n\nSee [](01_task.ipynb).\n",
            "notes": "# Notes – ä\n\nOne letter, one thing. And more.\n",
            "bibliography": "# Bibliography\n\n```{bibliography}\n:all:\n```\n",
        }
        for name, text in texts.items():
            (tmp_path / f"book/{name}.md").write_text(text, encoding="utf-8")
        pages.write_markdown(tmp_path)
        return (tmp_path / "_build/html/book/01_task.md").read_text(encoding="utf-8")

    return run


def test_prose_code_and_what_was_printed(convert: Convert) -> None:
    text = convert(
        prose("# The task", "", "**Which?**"),
        code("def f():\n    pass\n\n\nprint(f())", printed("None\n")),
        code("fence = '```'", printed("```\n")),
    )
    assert text.startswith("# The task\n\n**Which?**\n\n```python\ndef f():\n    pass\n\n\nprint(f())\n```\n")
    assert "```text\nNone\n```" in text
    assert "````python\nfence = '```'\n````\n\n````text\n```\n````" in text


def test_what_the_page_hides_is_left_out(convert: Convert) -> None:
    text = convert(
        prose("# The task"),
        code("hidden_cell", printed("gone"), tags=("remove-cell",)),
        code("hidden_input", printed("kept"), tags=("remove-input",)),
        code("kept_code", printed("lost"), tags=("remove-output",)),
        code("folded_code", tags=("hide-input",)),
    )
    assert "hidden" not in text and "gone" not in text and "lost" not in text
    assert "kept_code" in text and "```text\nkept\n```" in text and "folded_code" in text


def test_a_figure_is_its_words(convert: Convert) -> None:
    text = convert(prose("# The task"), code("show()", shown(html=FIGURE, plain="What it paints.")))
    assert (
        "*Figure.* What it paints. Scene: GPL-3.0 (GPL).\n\n*In the picture:* Two cows, one painted" in text
    )
    for part in ("data:", "base64", "secret", "script", "color", "<", "CCCC"):
        assert part not in text


def test_tables_and_other_outputs(convert: Convert) -> None:
    nothing = "<IPython.core.display.HTML object>"
    text = convert(
        prose("# The task"),
        code("t", shown(html=TABLE, plain=nothing)),
        code("m", shown(markdown="| x |\n| --- |\n| 3 |", plain=nothing)),
        code("a", shown(html="<p><audio src='data:audio/mp3;base64,DD'></audio></p>", plain="sound: a dog")),
        code("n", shown(html="<div></div>", plain=nothing)),
        code("v", shown(plain="tensor(1)")),
        code("e", {"output_type": "error", "ename": "UserError", "evalue": "no", "traceback": ["\x1b[0m"]}),
    )
    assert "| a | b\\|c |\n| --- | --- |\n| 1 | 2 |" in text and "| x |\n| --- |\n| 3 |" in text
    assert "*Figure.* sound: a dog" in text and "```text\ntensor(1)\n```" in text
    assert "```text\nUserError: no\n```" in text
    assert "IPython" not in text and "data:" not in text and "\x1b" not in text


def test_notation_of_the_book_is_spelt_out(convert: Convert) -> None:
    text = convert(
        prose(
            "# The task", "", "Of {cite}`zhou2022` the {term}`masks <Mask>`, {eq}`eq-a`: [](notes.md#here)."
        ),
        prose("```{admonition} Paper against code", ":class: warning", "", "**Says:** $x$", "```"),
        prose("As {doc}`code`:", "```python", "x = '{cite}`kept`'", "", "", "", "y = [](notes.md)", "```"),
        prose("```{figure} data:image/png;base64,EEEE", "```", "<script>evil()</script>"),
    )
    assert "Of [zhou2022] the masks, (eq-a): [Notes – ä](notes.md#here)." in text
    assert "**Paper against code**\n\n**Says:** $x$" in text and ":class:" not in text
    assert "```python\nx = '{cite}`kept`'\n\n\n\ny = [](notes.md)\n```" in text, "code stays as it is"
    assert "EEEE" not in text and "evil" not in text


@pytest.mark.parametrize("ticks", ["```", "````"])
def test_solutions_are_left_out(convert: Convert, ticks: str) -> None:
    text = convert(
        prose("# The task"),
        prose("```{exercise-start} Half wrong", ":label: ex-half", "```", "How much?"),
        code("answer = None"),
        prose("```{exercise-end}", "```"),
        prose(f"{ticks}{{solution-start}} ex-half", ":class: dropdown", ticks, "It is a half."),
        code("answer = 0.5", printed("right")),
        prose(f"{ticks}{{solution-end}}", ticks),
        prose("```{exercise} Once more", ":label: ex-more", "And now?", "```"),
        prose(f"{ticks}{{solution}} ex-more", "A third.", ticks, "", "## Next"),
    )
    assert "**Exercise: Half wrong**\n\nHow much?\n\n```python\nanswer = None\n```" in text
    assert "**Exercise: Once more**\n\nAnd now?" in text and text.endswith("## Next\n")
    assert text.count("*The solution is folded on the page.*") == 2
    for part in ("a half", "0.5", "right", "third", "{", "ex-half"):
        assert part not in text


def test_every_page_is_listed_with_what_it_asks(convert: Convert, tmp_path: Path) -> None:
    convert(prose("# The task", "", "**Which *pixels*", "bark?**"), code("# no heading"))
    html = tmp_path / "_build/html"
    site = "https://owner.github.io/name/"
    assert (html / "llms.txt").read_text(encoding="utf-8").splitlines() == [
        "# The book", "", "> A book. Who barks?", "",
        "Every page is here as Markdown, with what its cells printed. The page for people ends in .html.", "",
        "## Start", "", f"- [The book]({site}book/intro.md): Who barks?", "",
        "## Foundations", "", f"- [The task]({site}book/01_task.md): Which *pixels* bark?",
        f"- [Notes – ä]({site}book/notes.md): One letter, one thing.", "",
        "## Back matter", "", f"- [Bibliography]({site}book/bibliography.md)", "",
        "## For assistants", "", f"- [How to help a student]({site}TUTOR.md): hints, not solutions",
    ]  # fmt: skip
    assert sorted(str(path.relative_to(html)) for path in html.rglob("*.*")) == [
        "TUTOR.md", "book/01_task.md", "book/bibliography.md", "book/intro.md", "book/notes.md", "llms.txt",
    ]  # fmt: skip
    assert "See [The task](01_task.md)." in (html / "book/intro.md").read_text(encoding="utf-8")


def test_nothing_of_the_staged_book_is_changed(convert: Convert, tmp_path: Path, pages: ModuleType) -> None:
    convert(prose("# The task"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    pages.write_markdown(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("notebook", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_course_s_own_chapters_are_plain(notebook: Path, pages: ModuleType) -> None:
    """As they are committed, without outputs: no notation is left, and no solution."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join(filter(None, map(pages.cell_text, cells)))
    solutions = text.count("{solution-start}")
    plain = pages.plain(text, {})
    assert solutions == plain.count(pages.SOLUTION) > 0
    assert plain.count("**Exercise: ") == solutions
    assert "```{" not in plain and "_solved(" not in plain
    assert pages.question(text, {}).endswith("?")
