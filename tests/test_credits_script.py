"""data_scripts/credits.py: names from Flickr into the manifest, with a service that is played here."""

from __future__ import annotations

import csv
import io
import json
import runpy
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avslib.data.mini.pack import FOLDER, load_pack

SCRIPT = Path(__file__).parents[1] / "data_scripts" / "credits.py"


class Flickr:
    """Answers like the service: a name, 404 for a photograph that is gone, and silence after `patience` questions."""

    def __init__(self, gone: str = "", patience: int = 10**6) -> None:
        self.asked: list[str] = []
        self.gone, self.patience = gone, patience

    def __call__(self, address: str, timeout: float) -> Any:
        if len(self.asked) >= self.patience:
            raise urllib.error.URLError("no route to host")
        self.asked.append(address)
        if self.gone and address.endswith(self.gone):
            raise urllib.error.HTTPError(address, 404, "Not Found", None, None)  # type: ignore[arg-type]
        return io.BytesIO(json.dumps({"author_name": f" N.  {len(self.asked)} ", "type": "photo"}).encode())


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the script on a copy of the manifest; its exit status."""
    shutil.copy(FOLDER / "manifest.csv", tmp_path / "manifest.csv")
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def run(service: Flickr, **paths: Path) -> int:
        files = {"manifest": tmp_path / "manifest.csv", "cache": tmp_path / "cache.json", **paths}
        arguments = [text for name, path in files.items() for text in (f"--{name}", str(path))]
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
        monkeypatch.setattr(urllib.request, "urlopen", service)
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return int(ended.value.code or 0)

    return run


def unnamed(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        return [row for row in csv.DictReader(handle) if row["author"].endswith("see origin")]


def test_names_take_the_place_of_pages(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = unnamed(tmp_path / "manifest.csv")
    assert len(before) > 50
    assert call(Flickr()) == 0 and unnamed(tmp_path / "manifest.csv") == []
    assert f"{len(before)} of {len(before)} files have their author's name" in capsys.readouterr().out
    with (tmp_path / "manifest.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert rows[[r["path"] for r in rows].index(before[0]["path"])]["author"] == "N. 1 (Flickr)"
    others = [item.author for item in load_pack().items if not item.author.endswith("see origin")]
    assert [row["author"] for row in rows if not row["author"].endswith("(Flickr)")] == others


def test_it_goes_on_where_the_network_ended(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(unnamed(tmp_path / "manifest.csv"))
    first, second, third = Flickr(patience=10), Flickr(), Flickr()
    assert call(first) == 2 and len(first.asked) == 10
    told = capsys.readouterr()
    assert "not asked (no route to host)" in told.err and "\n" not in told.err.strip().partition("error: ")[2]
    assert len(unnamed(tmp_path / "manifest.csv")) <= count - 10, "what was answered is written"
    assert call(second) == 0 and call(third) == 0
    assert not set(first.asked) & set(second.asked) and third.asked == []


def test_a_photograph_that_is_gone_is_told_and_asked_once(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe = Flickr()
    call(probe)
    shutil.copy(FOLDER / "manifest.csv", tmp_path / "manifest.csv")
    (tmp_path / "cache.json").unlink()
    capsys.readouterr()
    assert call(Flickr(gone=probe.asked[0])) == 0
    gone = unnamed(tmp_path / "manifest.csv")
    assert gone and f"No public page any more, so their address stays the credit: {gone[0]['path']}" in (
        capsys.readouterr().out
    )
    again = Flickr()
    assert call(again) == 0 and again.asked == []


@pytest.mark.parametrize("text", ["{", "[1]", '{"1": 2}'])
def test_a_foreign_cache_and_manifest_stay_as_they_are(
    call: Callable[..., int], tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache.json").write_text(text, encoding="utf-8")
    service = Flickr()
    assert call(service) == 2 and service.asked == []
    assert "cache.json: not a cache of authors" in capsys.readouterr().err
    assert (tmp_path / "cache.json").read_text(encoding="utf-8") == text
    (tmp_path / "cache.json").unlink()
    other = tmp_path / "mine.csv"
    other.write_text("path,mine\n1,2\n", encoding="utf-8")
    assert call(service, manifest=other) == 2 and service.asked == []
    assert "no column author, origin" in capsys.readouterr().err
    assert other.read_text(encoding="utf-8") == "path,mine\n1,2\n"


def test_short_addresses() -> None:
    """Base 58 by hand: 58 is one times the base, and no zero."""
    short = runpy.run_path(str(SCRIPT))["short_address"]
    assert [short(n).rpartition("/")[2] for n in (1, 57, 58, 58 * 58 + 2)] == ["2", "Z", "21", "213"]
