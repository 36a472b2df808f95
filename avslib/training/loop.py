"""The training loop: flat, the same for one CPU, one GPU, many GPUs and bf16.

    record = train(Run(find_recipe("tpavi", "mini/ms3"), "smoke"), out=Path("runs/first"))

or, over eight GPUs, `accelerate launch --multi_gpu --num_processes 8 -m avslib.cli train tpavi ...`; over
two processes of a CPU, `torchrun --nproc_per_node 2 -m avslib.cli train tpavi ...` (Accelerate's launcher
starts a single one there, unless it finds MPI). The run's folder holds

    config.json          everything that decides the run
    log.jsonl            one line an epoch: losses by term, learning rate, validation scores
    checkpoint.pt        the full state, replaced atomically; `resume=True` continues from it
    weights.safetensors  the weights that the run reports
    record.json          the ledger's record, written last
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import gather_object
from torch import nn
from tqdm import tqdm

from avslib.data.loading.collate import Collate
from avslib.data.loading.order import BatchOrder, load
from avslib.errors import UserError
from avslib.evaluation.counterfactual import hear_otherwise
from avslib.evaluation.evaluate import Scores, in_float32
from avslib.evaluation.score import WEIGHTS, load_weights, save_weights, score
from avslib.files import write_json
from avslib.ledger.record import Record, describe
from avslib.methods.method import Schedule
from avslib.methods.run import Run
from avslib.training import checkpoint as saving
from avslib.training.ear import SoundingScenes, pretrain_ear
from avslib.training.eye import SeenScenes, pretrain_eye
from avslib.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from avslib.training.progress import Progress, check_terms, write_log


def train(
    run: Run,
    *,
    out: Path,
    resume: bool = False,
    workers: int = 0,
    checkpoint_every: int = 200,
) -> Record:
    """Train, score and record one run; returns the record that is also in `out`/record.json.

    resume:           continue from `out`/checkpoint.pt if there is one; bit for bit on a CPU
    workers:          processes that prepare clips; the numbers do not depend on it
    checkpoint_every: steps between checkpoints within an epoch; one is always written at its end

    Raises UserError: a folder that already holds a run, a checkpoint of another configuration, a full
    disk, a loss that is not finite (naming the term).
    """
    plan, recipe, config = run.plan, run.recipe, run.config()
    path = out / "checkpoint.pt"
    if path.exists() and not resume:
        raise UserError(f"{out}: already holds a run; add --resume to continue it, or choose another --out")
    saved = saving.load_checkpoint(path, config) if path.exists() else None
    accelerator = start_accelerator(plan.precision)
    lead = accelerator.is_main_process
    if lead:
        write_json(out / "config.json", config)

    saving.seed_everything(run.seed)
    clips, front_end, criterion = run.clips("train"), run.front_end(), run.criterion()
    start = time.perf_counter()
    model, optimiser = accelerator.prepare(*build(run, accelerator.device, fresh=saved is None))
    bare = accelerator.unwrap_model(model)
    # Dropout has to differ between processes, the initial weights must not: hence a second seed.
    saving.seed_everything(1_000_003 * (run.seed + 1) + accelerator.process_index)
    lessons = plan.eye_steps + plan.ear_steps > 0
    fresh = Progress(lesson_seconds=time.perf_counter() - start if lessons else 0.0)
    progress = restore(saved, bare, optimiser, accelerator) if saved else fresh

    order = BatchOrder(
        clips=len(clips),
        batch_size=plan.batch_size,
        epochs=plan.epochs,
        steps_per_epoch=plan.steps_per_epoch,
        seed=run.seed,
        start=progress.step,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
    )
    frozen_steps, eye = plan.frozen_epochs * order.steps_per_epoch, trained_of_the_eye(bare, plan)
    model.train()
    start = time.perf_counter() - progress.seconds
    with tqdm(total=order.total, initial=progress.step, desc=run.name, disable=not lead) as bar:
        for batch in load(clips, order, Collate(front_end), workers):
            rate = learning_rate(plan, progress.step, order.total)
            set_learning_rate(optimiser, rate)
            for parameter in eye:
                parameter.requires_grad_(progress.step >= frozen_steps)
            batch = batch.to(accelerator.device)
            terms = criterion(in_float32(model(batch)), batch)
            check_terms(terms, run.weights, progress.step, batch)
            terms |= {
                name: terms[name] * accelerator.num_processes for name in recipe.summed if name in terms
            }
            loss = torch.stack([run.weights[name] * term for name, term in terms.items()]).sum()
            accelerator.backward(loss)
            if plan.clip_norm is not None:
                accelerator.clip_grad_norm_(model.parameters(), plan.clip_norm)
            optimiser.step()
            optimiser.zero_grad()
            progress.add({"loss": loss, **terms}, accelerator)
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()

            epoch_ends = progress.step % order.steps_per_epoch == 0
            if epoch_ends:
                scores = score(run, model, "val", accelerator=accelerator, workers=workers)
                progress.close_epoch(order.steps_per_epoch, rate, scores)
                if (improves(progress, scores) or plan.keep == "last") and lead:
                    save_weights(out / WEIGHTS, bare)
            progress.seconds = time.perf_counter() - start
            if epoch_ends or progress.step % checkpoint_every == 0:
                state = snapshot(config, progress, bare, optimiser)  # on every process: it gathers
                if lead:
                    saving.save_checkpoint(path, state)
                    write_log(out / "log.jsonl", progress)

    accelerator.wait_for_everyone()
    load_weights(out / WEIGHTS, bare)
    record = describe(
        run,
        bare,
        accelerator,
        steps=progress.step,
        seconds=progress.seconds,
        lesson_seconds=progress.lesson_seconds,
        metrics={
            split: score(run, model, split, accelerator=accelerator, workers=workers)
            for split in recipe.tests
        },
        listening=hear_otherwise(run, bare),
    )
    if lead:
        write_json(out / "record.json", asdict(record))
    accelerator.wait_for_everyone()
    return record


def start_accelerator(precision: str) -> Accelerator:
    """Accelerate on whatever there is; reduced precision on a GPU only."""
    # Said outright, because a launcher's several processes form a group on a CPU only when told so.
    on_gpu = PartialState(cpu=not torch.accelerator.is_available()).device.type == "cuda"
    AcceleratorState._reset_state()  # else a second run in one notebook cannot change the precision
    return Accelerator(
        mixed_precision=precision if on_gpu else "no",
        # Some models have parameters that a given batch does not reach (a branch for stereo, say).
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def build(run: Run, device: torch.device, *, fresh: bool) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The model on `device`, its eye and ear taught if the schedule asks (a `fresh` run), its optimiser."""
    plan = run.plan
    model = plan.model().to(device)
    if plan.channels_last:
        for parameter in model.parameters():
            if parameter.dim() == 4:  # Module.to would refuse a model that also has 5-d weights
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    if plan.eye_steps:
        teach_eye(run, cast(nn.Module, model.visual), fresh=fresh)
    if plan.ear_steps and not run.deaf:
        teach_ear(run, cast(nn.Module, model.audio), fresh=fresh)
    return model, build_optimiser(model, plan.optimiser)


def trained_of_the_eye(model: nn.Module, plan: Schedule) -> list[nn.Parameter]:
    """What `frozen_epochs` keeps from training for a while. What never trains is not in the list."""
    if not plan.frozen_epochs:
        return []
    return [parameter for parameter in cast(nn.Module, model.visual).parameters() if parameter.requires_grad]


def teach_eye(run: Run, eye: nn.Module, *, fresh: bool) -> None:
    """The schedule's steps of `pretrain_eye`; a resumed run has the result in its checkpoint."""
    steps, batch = run.plan.eye_steps, run.plan.eye_batch
    eye.weights_origin = f"{eye.weights_origin}, then {steps} steps on the training pictures' classes"  # type: ignore[assignment]
    if fresh:
        pretrain_eye(eye, cast(SeenScenes, run.clips("train")), steps=steps, batch=batch, seed=run.seed)


def teach_ear(run: Run, ear: nn.Module, *, fresh: bool) -> None:
    """The schedule's steps of `pretrain_ear`; a resumed run has the result in its checkpoint."""
    steps, batch = run.plan.ear_steps, run.plan.ear_batch
    ear.weights_origin = f"{ear.weights_origin}, then {steps} steps on the training recordings' classes"  # type: ignore[assignment]
    if fresh:
        # Nobody looks: the smallest picture is composed fastest.
        unseen = replace(run.plan, size=32, clips={**run.plan.clips, "train": run.plan.ear_scenes})
        scenes = cast(SoundingScenes, run.recipe.datasets("train", unseen, run.fold, run.seed))
        pretrain_ear(ear, scenes, run.front_end(), steps=steps, batch=batch, seed=run.seed)


def improves(progress: Progress, scores: Scores) -> bool:
    """True when the first protocol's first number is the best so far, which it then becomes."""
    value = next(iter(next(iter(scores.values())).values()))
    if value <= progress.best:
        return False
    progress.best = value
    return True


def snapshot(
    config: dict[str, Any], progress: Progress, model: nn.Module, optimiser: torch.optim.Optimizer
) -> saving.State:
    """The full state of the run, the random streams of every process included."""
    return {
        "config": config,
        "fingerprint": saving.fingerprint(config),
        "progress": asdict(progress),
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "random": gather_object([saving.random_state()]),
    }


def restore(
    saved: saving.State, model: nn.Module, optimiser: torch.optim.Optimizer, accelerator: Accelerator
) -> Progress:
    """Put `snapshot`'s state back. Raises UserError when the number of processes has changed."""
    if len(saved["random"]) != accelerator.num_processes:
        raise UserError(
            f"the checkpoint is of {len(saved['random'])} processes, this run has "
            f"{accelerator.num_processes}; resume with the same number"
        )
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    saving.set_random_state(saved["random"][accelerator.process_index])
    return Progress(**saved["progress"])
