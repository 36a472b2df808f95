"""Two processes with one bank: each sees its own clips, and both remember and fit the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROCESS = """
import sys, torch, torch.distributed as distributed
sys.path.insert(0, sys.argv[3])
import test_cpm_learner as t
from avslib.methods.learner import Clock
rank = int(sys.argv[1])
distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
made, every = t.learner(fitted=False, pace=t.Pace(fits=2, warm_up=0.5)), t.scenes()
parts = [x[rank : rank + 1] for x in (every.frames, every.sound, every.labels, every.annotated, every.valid)]
parts[2] = parts[2] * (1 - rank)  # the second sees nothing that sounds: it has nobody to prompt
torch.manual_seed(rank)
for step in range(6):
    terms = made(t.Batch(*parts), Clock(step, 0, 6))
assert "recovery" in terms and all(term.isfinite() for term in terms.values())
mixtures = made.model.mixtures
print(made.memory.written.tolist(), made.memory.embeddings.sum().item(), made.assigned.tolist(),
      mixtures.means.sum().item(), mixtures.fitted.tolist())
"""


def test_two_processes_have_one_bank(tmp_path: Path) -> None:
    """Each embedding is remembered once, whoever made it; the second step's prompts are drawn by each for itself."""
    command = [sys.executable, "-c", PROCESS]
    rest = [str(tmp_path / "meeting"), str(Path(__file__).parent)]
    runs = [
        subprocess.Popen(
            [*command, str(rank), *rest], stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        for rank in range(2)
    ]
    told = [run.communicate(timeout=120)[0].decode() for run in runs]
    assert all(run.returncode == 0 for run in runs)
    assert told[0] == told[1] and told[0].startswith("[36, ")
