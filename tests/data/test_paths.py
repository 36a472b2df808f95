"""What a table says can never lead out of the data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from avslib.data.readers.paths import (
    expect,
    holds_anything,
    inside,
    left_behind,
    missing,
    pictures_below,
    plain_name,
)  # fmt: skip
from avslib.data.readers.tables import read_table
from avslib.errors import UserError


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "a/../../b", "a/..", "a\\..\\b", "a\0b", "a\nb", "//host/share", "../data/a"],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match="not a path inside") as error:
        inside(tmp_path, path)
    assert "\n" not in str(error.value)


def test_paths_inside_are_taken_whether_or_not_there_is_a_file(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b c/d..png") == tmp_path / "a/b c/d..png"
    assert inside(Path("/"), "etc") == Path("/etc")


def test_what_systems_leave_behind_is_known_wherever_it_lies(tmp_path: Path) -> None:
    for path in ("._0.png", "a/._b/0.png", "x/.ipynb_checkpoints/0-checkpoint.png", "Thumbs.db", "desktop.ini",
                 "a/Desktop.ini", "a/.DS_Store", "__MACOSX/a/0.png", "a\\Thumbs.db", "__MACOSX"):  # fmt: skip
        assert left_behind(path), path
    for path in ("0.png", "a/.0.png", "-_x/0.png", "_.png", "thumbs/0.png", "MACOSX/0.png", "a._b/0.png"):
        assert not left_behind(path), path
    assert not holds_anything(tmp_path)
    (tmp_path / ".DS_Store").touch()
    assert not holds_anything(tmp_path)
    (tmp_path / "0.png").touch()
    assert holds_anything(tmp_path)


def test_pictures_are_found_behind_links_and_once_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "disk/b").mkdir(parents=True)
    (tmp_path / "data/a").mkdir(parents=True)
    for path in ("disk/b/0.png", "data/a/0.png", "data/a/._0.png", "disk/one.png"):
        (tmp_path / path).touch()
    (tmp_path / "data/b").symlink_to(tmp_path / "disk/b")
    (tmp_path / "data/c").symlink_to(tmp_path / "disk/b")  # one folder under two names is two clips
    (tmp_path / "data/a/1.png").symlink_to(tmp_path / "disk/one.png")
    (tmp_path / "disk/b/again").symlink_to(tmp_path / "data")
    (tmp_path / "data/a/self").symlink_to(tmp_path / "data/a")
    found = pictures_below(tmp_path / "data")
    assert [path for path in found if "again" not in path] == ["a/0.png", "a/1.png", "b/0.png", "c/0.png"]
    assert not any("self" in path or path.count("again") > 1 for path in found)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\\b", "C:a", "a\0", "a\n"])
def test_a_plain_name_is_one_name(name: str) -> None:
    with pytest.raises(UserError, match=r"table\.csv: .* is not a plain name"):
        plain_name(name, "table.csv")
    assert plain_name("-Uv9 horse_clip-clop..x", "table.csv")


def test_what_is_missing_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.png").touch()
    assert missing(tmp_path, ["a/1.png", "a/2.png", "b/1.png", "a"]) == ["a/2.png", "b/1.png"]
    (tmp_path / "a/3.png").symlink_to(tmp_path / "a/1.png")
    (tmp_path / "a/4.png").symlink_to(tmp_path / "nowhere.png")
    assert missing(tmp_path, ["a/3.png", "a/4.png"]) == ["a/4.png"]
    expect(tmp_path, ["a/1.png"])
    with pytest.raises(UserError, match=r"a/2\.png: missing \(and 1 more\); see what is there with"):
        expect(tmp_path, ["a/1.png", "a/2.png", "b/1.png"])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b\n1,2\n", "no column name, split; it has a, b"),
        (b"name,split\n1\n", "line 2 has 1 of 2 columns"),
        (b"\xff\xfe\x00", "not a csv table"),
        (b"name,split\n" + b"x" * 200_000 + b",train\n", "not a csv table"),
    ],
)
def test_a_table_that_is_none_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(UserError, match=rf"t\.csv: {told}"):
        read_table(tmp_path / "t.csv", ("name", "split"))


def test_a_table_may_have_a_mark_spaces_and_more_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfsplit , name,more\r\ntrain, a ,x\r\n\r\ntest,b,y\r\n")
    rows = read_table(tmp_path / "t.csv", ("name", "split"))
    assert [(row["name"], row["split"]) for row in rows] == [("a", "train"), ("b", "test")]
