"""Archives from strangers: unpacked whole, or refused before anything is written."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avslib.data.prepare import archives
from avslib.data.prepare.archives import under, unpack
from avslib.errors import UserError

FILES = {"a.txt": b"one", "deep/b.bin": bytes(range(256)) * 20, "deep/empty": b""}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], *extra: tarfile.TarInfo) -> Path:
    mode = {"tar": "w", "gz": "w:gz", "xz": "w:xz", "bz2": "w:bz2"}[path.suffix[1:]]
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for info in extra:
            file.addfile(info)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(archive: Path, told: str) -> None:
    """Nothing is unpacked, and nothing changes anywhere around."""
    folder = archive.parent / "in" / "here"
    before = files_of(archive.parent)
    with pytest.raises(UserError, match=told):
        unpack(archive, folder, progress=False)
    assert files_of(archive.parent) == before
    assert not Path("/tmp/avslib-evil.txt").exists()


@pytest.mark.parametrize(
    "make, name", [(make_zip, "x.zip"), *((make_tar, f"x.{k}") for k in ("tar", "gz", "xz"))]
)
def test_what_went_in_comes_out_and_the_second_time_nothing_is_written(
    make: Callable[[Path, dict[str, bytes]], Path], name: str, tmp_path: Path
) -> None:
    archive, folder = make(tmp_path / name, FILES), tmp_path / "out"
    first = unpack(archive, folder, progress=False)
    assert (first.written, first.kept, files_of(folder)) == (3, 0, FILES)
    (folder / "a.txt").write_bytes(b"two")  # same length: only the content tells
    (folder / "deep/b.bin").unlink()
    again = unpack(archive, folder, progress=False)
    assert (again.written, again.kept, files_of(folder)) == (2, 1, FILES)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "a/../../evil.txt",
        "/tmp/avslib-evil.txt",
        "C:/evil.txt",
        "..\\evil.txt",
        "a/b\x1b[2J.txt",
    ],
)
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    refused(make_zip(tmp_path / "x.zip", {"good.txt": b"1", name: b"2"}), "no path inside a folder")
    refused(make_tar(tmp_path / "x.tar", {"good.txt": b"1", name: b"2"}), "no path inside a folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(make_tar(tmp_path / "x.tar", FILES, info), "a link or a device")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        file.writestr(info, "/etc")
    refused(tmp_path / "x.zip", "a link or a device")


def test_a_folder_on_another_disk_is_followed_and_a_file_is_not_written_through(tmp_path: Path) -> None:
    """Its owner has put the links there: an archive with links is refused."""
    disk, folder, archive = tmp_path / "disk2", tmp_path / "out", make_zip(tmp_path / "x.zip", FILES)
    disk.mkdir(), folder.mkdir()
    (disk / "mine").write_bytes(b"mine")
    os.symlink(disk, folder / "deep")
    for name in ("a.txt", "a.txt.part"):
        os.symlink(disk / "mine", folder / name)
    assert unpack(archive, folder, progress=False).written == 3
    assert files_of(disk) == {"b.bin": FILES["deep/b.bin"], "empty": b"", "mine": b"mine"}
    assert (folder / "a.txt").read_bytes() == b"one" and not (folder / "a.txt").is_symlink()
    assert unpack(archive, folder, progress=False).kept == 3
    disk.rename(tmp_path / "unmounted")
    with pytest.raises(UserError, match=r"out/deep: a link to .*disk2, which is not there; mount it"):
        unpack(archive, folder, progress=False)
    assert not disk.exists()


def test_backslashes_are_separators_in_a_zip(tmp_path: Path) -> None:
    names = {name.replace("/", "\\"): content for name, content in FILES.items()}
    unpack(make_zip(tmp_path / "x.zip", {"deep\\": b"", **names}), tmp_path / "out", progress=False)
    assert files_of(tmp_path / "out") == FILES
    anchors = {"s4_data": "Single-source/s4_data"}
    placed = make_zip(tmp_path / "y.zip", {"release\\s4_data\\1.png": b"1"})
    unpack(placed, tmp_path / "two", place=under(anchors), progress=False)
    assert files_of(tmp_path / "two") == {"Single-source/s4_data/1.png": b"1"}
    refused(make_zip(tmp_path / "z.zip", {"a\\..\\..\\evil.txt": b"1"}), "no path inside a folder")
    refused(make_zip(tmp_path / "w.zip", {"a\\b": b"1", "a/b": b"2"}), "twice")


@pytest.mark.parametrize(("make", "name"), [(make_zip, "x.zip"), (make_tar, "x.tar")])
def test_what_systems_leave_in_archives_is_passed_over(
    make: Callable[[Path, dict[str, bytes]], Path], name: str, tmp_path: Path
) -> None:
    litter = ("__MACOSX/._a.txt", "deep/._b.bin", "deep/Thumbs.db", "deep/desktop.ini", ".DS_Store",
              "deep/.ipynb_checkpoints/b-checkpoint.bin", "Icon\r")  # fmt: skip
    archive = make(tmp_path / name, FILES | dict.fromkeys(litter, b"x"))
    done = unpack(archive, tmp_path / "out", progress=False)
    assert files_of(tmp_path / "out") == FILES and done.left_out == len(litter)
    refused(make(tmp_path / f"only-{name}", dict.fromkeys(litter, b"x")), "holds none")


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL", 10**6)
    zeros = {"zeros": bytes(4 * 10**6)}
    refused(make_zip(tmp_path / "x.zip", zeros), "a bomb")
    refused(make_tar(tmp_path / "x.gz", zeros), "a bomb")


def test_a_file_larger_than_it_says_is_cut_off(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "x.zip", {"a": b"1234567890" * 100})
    data = bytearray(archive.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + place
        data[at : at + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(data)
    refused(archive, "damaged")


@pytest.mark.parametrize("name", ["x.zip", "x.gz", "x.tar"])
def test_a_damaged_archive_is_told_and_leaves_no_half_file(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(200_000)
    archive = (make_zip if name.endswith("zip") else make_tar)(tmp_path / name, {"noise": noise})
    data = bytearray(archive.read_bytes())
    archive.write_bytes(data[:120_000])
    refused(archive, "not a whole|damaged|cannot be read")
    if name == "x.zip":
        data[100_000] ^= 255
        archive.write_bytes(data)
        with pytest.raises(UserError, match="damaged"):
            unpack(archive, tmp_path / "out", progress=False)
        assert not files_of(tmp_path / "out")


def test_odd_archives_are_told(tmp_path: Path) -> None:
    refused(make_tar(tmp_path / "twice.tar", {"a": b"1", "./a": b"2"}), "twice")
    with pytest.warns(UserWarning), zipfile.ZipFile(tmp_path / "twice.zip", "w") as file:
        file.writestr("a", b"1")
        file.writestr("a", b"2")
    refused(tmp_path / "twice.zip", "twice")
    (tmp_path / "x.rar").write_bytes(b"Rar!\x1a\x07")
    refused(tmp_path / "x.rar", "unpack other kinds by hand")
    refused(tmp_path / "absent.zip", "no such archive")
    refused(make_zip(tmp_path / "none.zip", {}), "holds none")


def test_a_full_disk_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    refused(make_zip(tmp_path / "x.zip", FILES), "are free")


def test_known_folders_are_found_wherever_they_lie(tmp_path: Path) -> None:
    anchors = {"s4_data": "Single-source/s4_data", "s4_meta_data.csv": "Single-source/s4_meta_data.csv"}
    files = {
        "release/v1/s4_data/x/s4_data/1.png": b"1",
        "release/s4_meta_data.csv": b"2",
        "release/__MACOSX/s": b"3",
    }
    done = unpack(make_zip(tmp_path / "x.zip", files), tmp_path / "out", place=under(anchors), progress=False)
    assert done.left_out == 1
    assert files_of(tmp_path / "out") == {
        "Single-source/s4_data/x/s4_data/1.png": b"1", "Single-source/s4_meta_data.csv": b"2",
    }  # fmt: skip
