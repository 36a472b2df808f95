"""The first page: current, its links lead somewhere, its Python runs, and no number stands there twice."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlparse

import pytest
import toy
import yaml
from warm_python import WarmPython

import avslib
from avslib.ledger.record import Record, add_record, read_records
from avslib.ledger.summary import NOT_TIMED, summary_table
from avslib.ledger.table import Row
from avslib.training.loop import train

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LOG.md", "SECURITY.md", "TUTOR.md", "results/README.md",
]  # fmt: skip
LARGEST_PICTURE = 300_000


def tool(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module(name)


def table_rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without the lines under heads."""
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set("".join(row)) <= set("-: ")]


def test_links_and_table_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tool("update_readme", monkeypatch).current(TEXT) == TEXT, "run  python tools/update_readme.py"


def test_every_chapter_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    update = tool("update_readme", monkeypatch)
    first_screen = TEXT.partition("<!-- results: begin -->")[0]
    for notebook in sorted((ROOT / "book").glob("*.ipynb")):
        heading = update.title(f"book/{notebook.stem}")
        assert f"{heading}]({update.site()}book/{notebook.stem}.html)" in first_screen


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the repository, by relative address or on GitHub; pages of the site by their sources."""
    site = tool("update_readme", monkeypatch).site()
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(site):
            name = link.removeprefix(site).removesuffix(".html") or "book/intro"
            assert any((ROOT / f"{name}{kind}").exists() for kind in (".ipynb", ".md")), link
        elif found := re.match(r"https://.*/seeing-sound/seeing-sound/blob/main/(.+)", link):
            assert (ROOT / found[1]).exists(), link
        elif not urlparse(link).scheme:
            assert (ROOT / page).parent.joinpath(unquote(link.partition("#")[0])).exists(), link


def test_the_picture_is_small_and_told() -> None:
    ((alt, path),) = re.findall(r"^!\[(.+?)\]\((.+?)\)$", TEXT, re.MULTILINE)
    assert (ROOT / path).stat().st_size <= LARGEST_PICTURE
    assert re.search(r"GPL|CC BY-SA", alt), "a published scene names its licence"


def test_no_number_and_no_row_stands_twice() -> None:
    rows = table_rows(TEXT)
    assert not [row for row, count in Counter(map(tuple, rows)).items() if count > 1]
    for row in rows:
        scores = [cell for cell in row if re.match(r"\d?\.\d\d", cell)]
        assert len(scores) == len(set(scores)), row
    assert not {cell for row in rows for cell in row} & {"reduced", "full"}, "one table, at one schedule"


def test_the_python_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len([line for line in code.splitlines() if re.match(r"\w+ = ", line)]) == 3
    monkeypatch.setattr(
        avslib, "load", lambda path: avslib.create_model("tpavi", pretrained=False), raising=False
    )  # a run of a few steps is loaded so in tests/test_front_door.py
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert tuple(names["masks"].shape) == (5, 224, 224)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    made = train(toy.toy_run(), out=tmp_path_factory.mktemp("run"))
    sounds = {"right": 0.4, "visible": 0.1, "absent": 0.2}
    return replace(made, method="tpavi", data="mini/ms3", schedule="reduced", counterfactual=sounds,
                   seconds=90.0, pretraining_seconds=30.0)  # fmt: skip


def cells(folder: Path) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in table_rows(summary_table(folder, markdown=True))}


def test_the_summary_has_a_line_a_method_and_one_for_its_control(record: Record, tmp_path: Path) -> None:
    other = replace(record, name="b", fold=1, counterfactual={"right": 0.5, "visible": 0.3, "absent": 0.1})
    blind = dict.fromkeys(record.counterfactual, 0.25)
    control = replace(record, name="c", sound_blind=True, counterfactual=blind, pretraining_seconds=None)
    strangers = (replace(record, name="d", data="mini/s4"), replace(record, name="e", method="tpavi-variant"))
    for each in (record, other, control, *strangers):
        add_record(each, tmp_path)
    found = cells(tmp_path)
    assert found["TPAVI"] == ["2", "0.450 ± 0.071", "0.200 ± 0.141", "0.150 ± 0.071", "2.0"]
    assert found["TPAVI, sound-blind"] == ["1", "0.250", "the same", "the same", "over 1.5"]
    assert found["PCMANet"] == ["not run", "-", "-", "-", "-"]
    assert NOT_TIMED in summary_table(tmp_path)


def test_minutes_are_whole_where_pretraining_was_timed(record: Record, tmp_path: Path) -> None:
    add_record(record, tmp_path)
    assert NOT_TIMED not in summary_table(tmp_path)


def test_the_ledger_s_page_holds_what_the_first_page_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    page = tool("ledger_page", monkeypatch)
    text = page.ledger_page()
    assert text.startswith("# ") and text.count("\n## ") == 4
    rows = table_rows(text)
    assert not [row for row, count in Counter(map(tuple, rows)).items() if count > 1]
    ran = {record.method for record in read_records(ROOT / "results/runs")}
    assert ran <= {row[0].removesuffix(", sound-blind") for row in rows}, "what was run, variants too"
    assert any("mIoU 0.4953, F 0.628" in row for row in rows), "a number of a paper"
    assert any("avsegformer, sound-blind" in row for row in rows), "what was not run"
    assert page.missing([Row("tpavi", "mini/s4", "full")]).count("mini/s4") == 1
    assert "above" in page.published([Row("m", "d", "full", runs=1), Row("m, r", "d", "full", paper="F 1")])


def test_the_ledger_s_page_is_staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "book").mkdir()
    page = tool("ledger_page", monkeypatch)
    page.write_ledger_page(tmp_path)
    assert (tmp_path / "book/ledger.md").read_text(encoding="utf-8") == page.ledger_page()


def test_the_issue_forms_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    }
    assert sorted(forms) == ["bug", "chapter", "config", "reproduction"]
    for form in (forms["bug"], forms["chapter"], forms["reproduction"]):
        assert form["name"] and form["description"] and all(part["attributes"] for part in form["body"])
    fields = {part["id"]: part["attributes"] for part in forms["chapter"]["body"]}
    assert {"page", "cell", "environment"} <= fields.keys()
    update = tool("update_readme", monkeypatch)
    for notebook in sorted((ROOT / "book").glob("*.ipynb")):
        number = int(notebook.stem.partition("_")[0])
        assert f"{number} {update.title(f'book/{notebook.stem}')}" in fields["page"]["options"]


@pytest.mark.parametrize("form", ["bug", "chapter"])
def test_the_command_that_prints_the_environment_runs(form: str, python: WarmPython) -> None:
    told = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{form}.yml").read_text(encoding="utf-8"))
    (field,) = [part["attributes"] for part in told["body"] if part.get("id") == "environment"]
    (code,) = re.findall(r'python -c "(.+?)"', field["description"])
    assert "torch" in python("-c", code)
