"""A checkpoint of the authors becomes a run: recognised, written without pickles, and read like any other."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import avslib
from avslib.cli.main import main
from avslib.encoders.vggish import VGGish
from avslib.errors import UserError
from avslib.evaluation.score import load_run
from avslib.importers import import_checkpoint
from avslib.importers.checkpoint import Imported, recognise
from avslib.methods.reference_case import fill
from avslib.methods.resolve import read_run
from avslib.types import Batch

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = {
    "tpavi": "tpavi_resnet_s4_224",
    "avsegformer": "avsegformer_res50_s4_224",
    "pcmanet": "pcmanet_resnet_s4_224",
}


def keys_of(method: str) -> dict[str, list[int]]:
    keys: dict[str, list[int]] = json.loads((GOLDEN / f"{CASES[method]}.json").read_text(encoding="utf-8"))[
        "keys"
    ]
    return keys


KEYS = keys_of("tpavi")


def authors_state(without: str = "", **shapes: list[int]) -> dict[str, Tensor]:
    """TPAVI's names behind DataParallel's prefix; views of one zero, but for one entry."""
    keys = {**KEYS, **{name.replace("__", "."): shape for name, shape in shapes.items()}}
    state = {f"module.{n}": torch.zeros(()).expand(s) for n, s in keys.items() if n != without}
    state["module.tpavi_b1.phi.bias"] = torch.arange(128.0)
    return state


def clip() -> Batch:
    """One clip of five seconds."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (1, 5, 3, 64, 64), dtype=torch.uint8, generator=generator)
    every = torch.ones(1, 5, dtype=torch.bool)
    return Batch(
        frames, torch.randn(1, 5, 1, 96, 64, generator=generator), torch.zeros(1, 5, 64, 64), every, every
    )


@torch.inference_mode()
def heard_with(network: nn.Module, audio: nn.Module) -> Tensor:
    """The logits of `network` on `clip`, whose sound another network has heard."""
    batch, (network, audio) = clip(), (network.eval(), audio.eval())
    tokens = audio(batch.sound.flatten(0, 1)).unflatten(0, (1, 5))
    logits: Tensor = network.segment(batch.frames, tokens, batch.valid).logits  # type: ignore[operator]
    return logits


@torch.inference_mode()
def logits_of(model: nn.Module) -> Tensor:
    assert not model.training
    logits: Tensor = model(clip()).logits
    return logits


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder with weights of VGGish under the public file's name."""
    folder = tmp_path_factory.mktemp("cache")
    weights = {n: fill(n, x.shape) for n, x in VGGish(pretrained=False).state_dict().items()}
    torch.save(weights, folder / "vggish-10086976.pth")
    yield folder
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Theirs:
    """A method's checkpoint of filled weights, the run's folder that it became, and what the network said."""

    method: str
    checkpoint: Path
    folder: Path
    told: str
    logits: Tensor


@pytest.fixture(scope="module", params=CASES)
def theirs(
    request: pytest.FixtureRequest, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Theirs]:
    """Of one method at a time, in memory and on the disk."""
    top = tmp_path_factory.mktemp(request.param)
    checkpoint, folder = top / "S4_res50.pth", top / "runs" / "theirs"
    torch.save({f"module.{n}": fill(n, shape) for n, shape in keys_of(request.param).items()}, checkpoint)
    imported = import_checkpoint(checkpoint, out=folder)
    told, network = str(imported), imported.model
    inside = isinstance(network.audio, VGGish)
    audio = network.audio if inside else VGGish.from_weights(cache / "vggish-10086976.pth")
    logits = heard_with(network, audio)  # type: ignore[arg-type]
    del imported, network, audio
    assert logits.isfinite().all() and logits.std() > 0
    yield Theirs(request.param, checkpoint, folder, told, logits)
    shutil.rmtree(top)


def test_the_method_is_recognised_and_a_run_is_written(theirs: Theirs) -> None:
    assert theirs.told.startswith(f"{theirs.method} on avsbench/s4, schedule authors: ")
    assert {path.name for path in theirs.folder.iterdir()} == {"config.json", "weights.safetensors"}
    config = json.loads((theirs.folder / "config.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(theirs.checkpoint.read_bytes()).hexdigest()
    assert config.pop("imported") == {"file": "S4_res50.pth", "sha256": digest}
    run = read_run(theirs.folder, data_dir="anywhere")
    assert (run.title, run.data.name, run.schedule) == (theirs.method, "avsbench/s4", "authors")
    assert config == run.config() and run.data_dir == Path("anywhere")
    vggish = any(name.startswith("audio.") for name in load_file(theirs.folder / "weights.safetensors"))
    assert vggish == (theirs.method == "avsegformer"), "only these checkpoints hold VGGish"


def test_a_folder_that_holds_anything_is_refused_before_any_work(theirs: Theirs, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in theirs.folder.iterdir()}
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for out in (theirs.folder, tmp_path, tmp_path / "file"):
        with pytest.raises(UserError, match="is there already; give a new folder"):
            import_checkpoint(tmp_path / "not even looked at.pth", out=out)
    assert {path: path.stat().st_mtime_ns for path in theirs.folder.iterdir()} == before


def test_data_that_does_not_fit_is_refused(theirs: Theirs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"fits no recipe of the authors of {theirs.method} on avss") as error:
        import_checkpoint(theirs.checkpoint, data="avss", out=tmp_path / "run")
    assert str(theirs.checkpoint) in str(error.value) and not (tmp_path / "run").exists()


def test_the_folder_is_read_like_any_run(
    theirs: Theirs, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVSLIB_CACHE", str(tmp_path))
    if theirs.method != "avsegformer":
        for read in (load_run, avslib.load):
            with pytest.raises(UserError, match="vggish: no pretrained weights found") as error:
                read(theirs.folder)
            assert (
                f"put vggish-10086976.pth (github.com/harritaylor/torchvggish, release v0.1) into {tmp_path}"
                in str(error.value)
            )
        monkeypatch.setenv("AVSLIB_CACHE", str(cache))
    run, model = load_run(theirs.folder)
    assert run.schedule == "authors" and torch.equal(logits_of(model), theirs.logits)
    del model
    loaded = avslib.load(theirs.folder)
    assert torch.equal(logits_of(loaded), theirs.logits)
    assert loaded.preprocessing is not None and loaded.preprocessing.size == run.test_size


def test_the_authors_file_itself_can_be_loaded(
    theirs: Theirs, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVSLIB_CACHE", str(cache))
    assert torch.equal(logits_of(avslib.load(theirs.checkpoint)), theirs.logits)


def test_a_checkpoint_becomes_a_run_of_ours(tmp_path: Path) -> None:
    torch.save(authors_state(), tmp_path / "theirs.pth")
    imported = import_checkpoint(tmp_path / "theirs.pth", model="tpavi", out=tmp_path / "new" / "run")
    ours = load_file(tmp_path / "new" / "run" / "weights.safetensors")
    assert torch.equal(ours["interactions.0.key.bias"], torch.arange(128.0))
    assert torch.equal(imported.model.interactions[0].key.bias, torch.arange(128.0))  # type: ignore[union-attr,index]
    assert not any("layer3_2" in name or "blocks.3.take" in name for name in ours)
    assert "resnet.layer3_2.* (114)" in str(imported)


def imported(path: Path, state: dict[str, Tensor], data: str | None = None) -> Imported:
    torch.save(state, path)
    return import_checkpoint(path, data=data)


def test_what_it_was_trained_on_is_told_by_shapes_or_by_the_user(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pth"
    for data, found in ((None, "avsbench/s4"), ("avsbench/ms3", "avsbench/ms3"), ("mini/s4", "mini/s4")):
        run = imported(path, authors_state(), data).run
        assert (run.data.name, run.schedule) == (found, "authors")
    many = {"output_conv__4__weight": [71, 32, 1, 1], "output_conv__4__bias": [71]}
    semantic = {n: t for n, t in authors_state(**many).items() if not n.endswith("align_channel.bias")}
    run = imported(path, semantic).run
    assert (run.title, run.data.name, run.schedule, run.data.classes) == ("tpavi", "avss", "authors", 71)
    with pytest.raises(UserError, match="on any data; give the --data that it was trained on"):
        imported(path, authors_state(**many))  # no AVSS model of theirs has that bias
    with pytest.raises(UserError, match="unknown data 'coco'"):
        imported(path, authors_state(), "coco")


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {name.removeprefix("module."): x.contiguous() for name, x in authors_state().items()}
    save_file(state, tmp_path / "theirs.safetensors")
    out = str(tmp_path / "run")
    monkeypatch.setattr(sys, "argv", ["avslib", "import", str(tmp_path / "theirs.safetensors"), "--out", out])
    main()
    told = capsys.readouterr().out
    assert told.startswith("tpavi on avsbench/s4, schedule authors: ")
    assert f"{out}: score it with avslib evaluate {out} --data-dir DIR" in told
    with pytest.raises(SystemExit):
        main()
    assert "is there already; give a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lambda: authors_state(without="conv2.conv2d_list.1.bias"), "conv2.conv2d_list.1.bias is missing"),
        (
            lambda: {**authors_state(), "closer.weight": torch.zeros(1)},
            "names that tpavi does not have: closer.weight",
        ),
        (lambda: {"head.weight": torch.zeros(1)}, "begin with neither"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, state: object, message: str) -> None:
    path = tmp_path / "theirs.pth"
    torch.save(state(), path)  # type: ignore[operator]
    with pytest.raises(UserError, match=message) as error:
        import_checkpoint(path, model="tpavi")
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_other_files_and_models(tmp_path: Path) -> None:
    path = tmp_path / "code.pth"
    torch.save({"weights": Path("x")}, path)  # an object that only unpickling could make
    with pytest.raises(UserError, match="not a readable weight file"):
        import_checkpoint(path, model="tpavi")
    torch.save({"head.weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="no importer"):
        import_checkpoint(path, model="magic")
    with pytest.raises(
        UserError, match="not the names of any known model; say whose it is with --model, of tpavi, "
    ):
        import_checkpoint(path)


@pytest.mark.parametrize("method", CASES)
def test_most_names_are_enough_to_be_recognised(method: str) -> None:
    state = {name: torch.zeros(()).expand(shape) for name, shape in keys_of(method).items()}
    assert recognise(state) == method
    assert recognise({**state, "closer.weight": torch.zeros(1)}) == method
