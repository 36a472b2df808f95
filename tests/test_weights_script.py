"""data_scripts/weights.py: whole files of weights with the right sum, or one line; and nothing of anybody's is lost."""

from __future__ import annotations

import hashlib
import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from test_data_scripts import script

from avslib.errors import UserError


def tensors(count: int) -> bytes:
    """A file of weights."""
    buffer = io.BytesIO()
    torch.save({"a": torch.arange(float(count))}, buffer)
    return buffer.getvalue()


PAGE = (
    b"<!DOCTYPE html><html><head><title>Drive - Virus scan warning</title></head>"
    + bytes(range(32, 127)) * 40
)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


class _Server(http.server.BaseHTTPRequestHandler):
    """Sends weights, or what the first part of the path asks for in their place."""

    content = tensors(50_000)
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        if kind == "absent":
            return self.send_error(404)
        in_place = {
            "page": PAGE,
            "pointer": POINTER,
            "json": b'{"error": "quota"}',
            "empty": b"",
            "noise": bytes(range(256)) * 9,
        }
        whole = in_place.get(kind, self.content)
        span = self.headers.get("Range", "") if kind != "deaf" else ""
        self.asked.append(span)
        start = int(span[6:-1]) if span else 0
        if start >= len(whole) and span:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(whole)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if span else 200)
        if span:
            self.send_header(
                "Content-Range", f"bytes {start + (kind == 'shifted')}-{len(whole) - 1}/{len(whole)}"
            )
        self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        self.wfile.write(whole[start : 3000 if kind == "cut" else None])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


def test_weights_are_checked_against_their_names_and_their_past(server: str, tmp_path: Path) -> None:
    fetch, digest = script("weights").fetch, hashlib.sha256(_Server.content).hexdigest()
    good = fetch(f"{server}/net-{digest[:8]}.pth", tmp_path)
    assert good.read_bytes() == _Server.content
    with pytest.raises(UserError, match=r"not 01234567.* The download is removed: fetch it again"):
        fetch(f"{server}/net-01234567.pth", tmp_path)
    plain = fetch(f"{server}/plain.pth", tmp_path)
    assert f"{digest}  plain.pth\n" in (tmp_path / "SHA256SUMS").read_text(encoding="utf-8")
    asked = len(_Server.asked)
    fetch(f"{server}/plain.pth", tmp_path)
    assert len(_Server.asked) == asked  # it is there: only checked
    assert sorted(p.name for p in tmp_path.iterdir()) == ["SHA256SUMS", good.name, plain.name]
    with pytest.raises(UserError, match="404"):
        fetch(f"{server}/absent/absent.pth", tmp_path)


def test_what_was_there_stays_there(server: str, tmp_path: Path) -> None:
    """A file of another sum, whose it ever is; lines of sums that somebody else has written."""
    fetch = script("weights").fetch
    plain = fetch(f"{server}/plain.pth", tmp_path)
    plain.write_bytes(tensors(3))
    (tmp_path / "net-01234567.pth").write_bytes(tensors(4))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("plain.pth", "net-01234567.pth"):
        with pytest.raises(UserError, match=r"its sha256 is .*; move it away, then fetch it again"):
            fetch(f"{server}/{name}", tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    theirs = b"\xff of mine\n0123 *other.pth\n4567  last"
    (tmp_path / "SHA256SUMS").write_bytes(theirs)
    plain.unlink()
    fetch(f"{server}/plain.pth", tmp_path)
    digest = hashlib.sha256(_Server.content).hexdigest()
    assert (tmp_path / "SHA256SUMS").read_bytes() == theirs + f"\n{digest}  plain.pth\n".encode()
    (tmp_path / "other.pth").write_bytes(_Server.content)
    with pytest.raises(UserError, match="not 0123;"):
        fetch(f"{server}/other.pth", tmp_path)
    for folder in (tmp_path / "plain.pth", tmp_path / "plain.pth" / "deep"):
        with pytest.raises(UserError, match=r"--folder .*: .*plain\.pth is not a folder"):
            fetch(f"{server}/plain.pth", folder)


@pytest.mark.parametrize("name", ["plain.pth", "net-01234567.pth"])
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("page", r"the server sends no weights but a web page \('Drive - Virus scan warning'\)"),
        ("json", "the server sends no weights but JSON"),
        ("pointer", "the server sends no weights but a Git-LFS pointer"),
        ("empty", r"not weights: empty \(0 bytes\).* The download is removed"),
        ("noise", r"(not a readable weight file|its sha256 is).* The download is removed"),
    ],
)
def test_what_comes_in_place_of_weights_is_told_and_no_truth(
    kind: str, told: str, name: str, server: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told):
        script("weights").fetch(f"{server}/{kind}/{name}", tmp_path)
    assert list(tmp_path.iterdir()) == [], "neither the file nor its sum"


def test_what_lies_in_place_of_weights_is_told_and_no_truth(server: str, tmp_path: Path) -> None:
    """Put there by hand, or by an earlier version."""
    for content, told in ((PAGE, "a web page"), (_Server.content[:-100], "cut off after"), (b"", "empty")):
        (tmp_path / "plain.pth").write_bytes(content)
        with pytest.raises(UserError, match=rf"plain\.pth: not weights: {told}"):
            script("weights").fetch(f"{server}/plain.pth", tmp_path)
        assert [p.name for p in tmp_path.iterdir()] == ["plain.pth"] and not (
            tmp_path / "SHA256SUMS"
        ).exists()


def test_a_download_that_was_cut_is_told_and_continued(server: str, tmp_path: Path) -> None:
    fetch, part = script("weights").fetch, tmp_path / "plain.pth.part"
    with pytest.raises(
        UserError, match=rf"cut off( after 3000 of {len(_Server.content)} bytes)?; run it again to continue"
    ):
        fetch(f"{server}/cut/plain.pth", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [part.name] and 0 < part.stat().st_size <= 3000
    with pytest.raises(UserError, match="does not go on from byte"):
        fetch(f"{server}/shifted/plain.pth", tmp_path)
    path = fetch(f"{server}/plain.pth", tmp_path)
    assert path.read_bytes() == _Server.content and _Server.asked[-1] == "bytes=3000-"
    assert not part.exists()


@pytest.mark.parametrize("kind", ["plain", "deaf"])
@pytest.mark.parametrize("there", [1000, len(_Server.content), len(_Server.content) + 5])
def test_a_broken_download_is_continued(kind: str, there: int, server: str, tmp_path: Path) -> None:
    """Deaf: a server that sends everything again. Also when all was there, or more than all."""
    (tmp_path / "plain.pth.part").write_bytes((_Server.content + bytes(5))[:there])
    fetch = script("weights").fetch
    if kind == "plain" and there > len(_Server.content):
        with pytest.raises(UserError, match=r"longer than the file at .*; removed\. Fetch it again"):
            fetch(f"{server}/{kind}/plain.pth", tmp_path)
    path = fetch(f"{server}/{kind}/plain.pth", tmp_path)
    assert path.read_bytes() == _Server.content
    assert {p.name for p in tmp_path.iterdir()} == {"plain.pth", "SHA256SUMS"}
