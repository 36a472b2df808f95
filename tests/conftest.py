"""One browser for all tests that look at pages; one thread a process, as several tests run side by side; and a cache
of pretrained encoders that begins empty."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from warm_python import WarmPython, warm_python

# Before torch is imported; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LONGEST = (
    "methods/test_reference_training", "test_export", "methods/test_published_rows", "ledger/test_gpu",
    "training/test_golden_losses", "ledger/test_cost",
    "importers/test_checkpoint", "importers/test_cavp_import", "methods/test_cavp",
    "importers/test_vct_import", "methods/test_vct",
    "training/test_contract", "training/test_loop", "test_cli", "test_contributing",
    "methods/test_tpavi_recipe", "methods/test_pcmanet", "importers/test_avsegformer_import", "methods/test_avsegformer",
    "training/test_distributed", "test_readme", "book/test_pages_keep_the_rules", "book/test_pages_fit", "tools/test_stage",
    "book/test_in_the_browser", "book/test_exercises_03", "book/test_exercises_02",
)  # fmt: skip


@pytest.hookimpl(trylast=True)  # pytest itself groups by fixtures before
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that last longest come first: with several processes, none is left alone with one at the end."""
    rank = {f"tests/{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What an earlier run has left on this machine must not decide a test; public weights are still found."""
    from avslib.encoders.weights import cache_folder  # not before the threads are set

    own = tmp_path_factory.mktemp("cache")
    for path in cache_folder().glob("*"):
        if path.is_file():
            (own / path.name).symlink_to(path)
    before = os.environ.get("AVSLIB_CACHE")
    os.environ["AVSLIB_CACHE"] = str(own)
    yield
    os.environ.pop("AVSLIB_CACHE") if before is None else os.environ.update(AVSLIB_CACHE=before)


@pytest.fixture(scope="session")
def python() -> Iterator[WarmPython]:
    """`python ARGUMENTS` in a process of its own, without waiting for imports."""
    with warm_python(Path(__file__).parents[1]) as python:
        yield python


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Networks begin with zeros. For tests that load every weight, or look at shapes: drawing millions takes longest."""

    def zeros(tensor: Any, *_: Any, **__: Any) -> Any:
        return tensor if tensor.is_meta else tensor.data.zero_()

    draws = ("torch.Tensor.normal_", "torch.Tensor.uniform_", "timm.layers.weight_init._trunc_normal_")
    with pytest.MonkeyPatch.context() as patch:
        for name in draws:
            patch.setattr(name, zeros)
        yield


NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, without a window. Where CI is set, its absence is a failure."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        told = "no Chromium on this machine: install it to test the pages, e.g. apt-get install chromium"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()
