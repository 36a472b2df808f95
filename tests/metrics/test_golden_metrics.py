"""The protocols against the reference numbers, and the command that does the same for any case."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from avslib.errors import UserError
from avslib.metrics.__main__ import main
from avslib.metrics.check import errors

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics.json"


def test_every_reference_number_is_met() -> None:
    found = dict(errors(GOLDEN))
    assert len(found) == 35
    assert max(found.values()) < 1e-6, found


def copy_case(folder: Path, **changes: object) -> Path:
    """The golden case in `folder`, with top-level entries of the json replaced."""
    shutil.copy(GOLDEN.with_suffix(".npz"), folder / "case.npz")
    path = folder / "case.json"
    path.write_text(
        json.dumps({**json.loads(GOLDEN.read_text(encoding="utf-8")), **changes}), encoding="utf-8"
    )
    return path


def test_command_accepts_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(GOLDEN)]) == 0
    assert "avsbench_binary_batch5.F_batches" in capsys.readouterr().out


def test_command_refuses_a_number_that_is_off(tmp_path: Path) -> None:
    reference = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert main(["check", str(copy_case(tmp_path, mask_iou_all=reference["mask_iou_all"] * 1.0002))]) == 1
    table = reference["dataset_level"] | {"FDR": reference["dataset_level"]["FDR"] + 0.0002}
    assert main(["check", str(copy_case(tmp_path, dataset_level=table))]) == 1


def test_command_refuses_what_it_does_not_understand(tmp_path: Path) -> None:
    assert main(["check", str(copy_case(tmp_path, new_metric=0.5))]) == 1
    assert main(["check", str(copy_case(tmp_path, mask_iou_each=[0.1, 0.2]))]) == 1


def test_command_works_on_other_sizes_batches_and_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth = np.zeros((3, 2, 2), np.uint8)
    truth[0, 0, 0] = 1
    np.savez(
        tmp_path / "case.npz",
        binary_logits=np.where(truth, 30, -30).astype(np.float32),
        binary_gt=truth,
        class_logits=rng.standard_normal((2, 9, 3, 5)).astype(np.float32),
        labels=np.full((2, 3, 5), 8, np.uint8),
    )
    path = tmp_path / "case.json"
    binary = {"mIoU": 1.0, "F": 0.5, "F_batches": [1.0, 0.0], "mIoU_batches": [1.0, 1.0]}
    path.write_text(
        json.dumps({"avsbench_binary_batch2": binary, "avsbench_semantic": {"count": [2.0] * 9}}),
        encoding="utf-8",
    )
    found = dict(errors(path))
    assert max(found[f"avsbench_binary_batch2.{name}"] for name in binary) < 1e-6
    assert np.isfinite(found["avsbench_semantic.count"])


def test_command_names_a_missing_file_or_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "nowhere.json")]) == 2
    assert "nowhere.json" in capsys.readouterr().err
    path = copy_case(tmp_path)
    np.savez(tmp_path / "case.npz", other=np.zeros(1))
    with pytest.raises(UserError, match="binary_logits"):
        dict(errors(path))
    path.with_suffix(".npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match="cannot be read"):
        dict(errors(path))
