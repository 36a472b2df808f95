"""The book, built once at the smoke schedule, and a server for its pages."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("book")


@pytest.fixture(scope="session")
def build() -> tuple[Path, str]:
    """The folder of the built book, and what went wrong. AVS_BOOK=_build/book takes one that is there."""
    if "AVS_BOOK" in os.environ:
        return (ROOT / os.environ["AVS_BOOK"]).resolve(), ""
    out = ROOT / "_build" / "test-book"
    command = [sys.executable, "tools/stage.py", "--schedule", "smoke", "--out", str(out)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # threads of two chapters would wait for each other
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=alone,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    return out, done.stdout if done.returncode else ""


@pytest.fixture(scope="session")
def built(build: tuple[Path, str]) -> Path:
    """The folder of the built book; what went wrong is told once, by `test_the_book_builds`."""
    out, fault = build
    if fault:
        pytest.fail("no pages: the book does not build", pytrace=False)
    return out


@pytest.fixture(scope="session")
def html(built: Path) -> Path:
    return built / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing: a page asks for many files."""


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    """http://127.0.0.1:port of a server of the pages."""
    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
