"""The training loop: flat, the same for one CPU, one GPU, many GPUs and bf16.

    record = train(find_run("tpavi", "mini/ms3", "smoke"), out=Path("runs/first"))

or, over eight GPUs, `accelerate launch --multi_gpu --num_processes 8 -m avslib.cli train tpavi ...`; over
two processes of a CPU, `torchrun --nproc_per_node 2 -m avslib.cli train tpavi ...` (Accelerate's launcher
starts a single one there, unless it finds MPI). The run's folder holds

    config.json          everything that decides the run, and where its data lies
    log.jsonl            one line an epoch: losses by term, learning rate, validation scores
    checkpoint.pt        the full state, replaced atomically; `resume=True` continues from it
    weights.safetensors  the weights that the run reports
    record.json          the ledger's record, written last
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn
from tqdm import tqdm

from avslib.data.loading.augment import Augmented
from avslib.data.loading.collate import Collate
from avslib.data.loading.order import BatchOrder, load
from avslib.errors import UserError, check_number
from avslib.evaluation.counterfactual import counterfactual
from avslib.evaluation.evaluate import Scores
from avslib.evaluation.score import WEIGHTS, load_weights, save_weights, score
from avslib.files import write_json
from avslib.ledger.record import Record, describe
from avslib.ledger.run_folder import check_run_folder
from avslib.methods.learner import Clock, Learner
from avslib.methods.method import Schedule
from avslib.methods.run import Run, fingerprint
from avslib.training import checkpoint as saving
from avslib.training.launch import start_accelerator
from avslib.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from avslib.training.pretrain import pretrain_encoders
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

    Raises UserError: a folder that holds a run or somebody's files, a checkpoint of another configuration, a full
    disk, a loss that is not finite (naming the term).
    """
    check_number("workers", workers, 0)
    check_number("checkpoint_every", checkpoint_every, 1)
    check_run_folder(run, out, resume=resume)
    plan, config, path = run.plan, run.config(), out / "checkpoint.pt"
    saved = saving.load_checkpoint(path, config) if path.exists() else None
    accelerator = start_accelerator(plan.precision)
    lead = accelerator.is_main_process
    saving.seed_everything(run.seed)
    clips, weights = run.clips("train"), run.loss_weights
    if lead:
        write_json(out / "config.json", config | ({"data_dir": str(run.data_dir)} if run.data_dir else {}))
    bare = run.learner().to(accelerator.device)
    if plan.channels_last:
        keep_channels_last(bare)
    pretrained = pretrain_encoders(run, bare.model, fresh=saved is None, bar=lead)
    learner, optimiser = accelerator.prepare(bare, build_optimiser(bare, plan.optimiser))
    # Dropout has to differ between processes, the initial weights must not: hence a second seed.
    saving.seed_everything(1_000_003 * (run.seed + 1) + accelerator.process_index)
    fresh = Progress(pretraining_seconds=pretrained.seconds, pretraining_cached=pretrained.cached)
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
        with_epoch=plan.augment is not None,
    )
    seen = Augmented(clips, plan.augment, seed=run.seed) if plan.augment else clips
    frozen_steps, frozen = plan.frozen_epochs * order.steps_per_epoch, frozen_at_first(bare.model, plan)
    learner.train()
    start = time.perf_counter() - progress.seconds
    with tqdm(total=order.total, initial=progress.step, desc=run.name, disable=not lead) as bar:
        for batch in load(seen, order, Collate(run.front_end()), workers):
            rate = learning_rate(plan, progress.step, order.total)
            set_learning_rate(optimiser, rate)
            for parameter in frozen:
                parameter.requires_grad_(progress.step >= frozen_steps)
            batch = batch.to(accelerator.device)
            terms = learner(batch, Clock(progress.step, progress.step // order.steps_per_epoch, order.total))
            check_terms(terms, weights, progress.step, batch)
            terms = count_sums(terms, run.recipe.summed, accelerator.num_processes)
            loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
            accelerator.backward(loss)
            if plan.clip_norm is not None:
                accelerator.clip_grad_norm_(learner.parameters(), plan.clip_norm)
            optimiser.step()
            optimiser.zero_grad()
            progress.add({"loss": loss, **terms}, ["loss", *weights], accelerator)
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()

            epoch_ends = progress.step % order.steps_per_epoch == 0
            if epoch_ends:
                scores = score(run, bare.model, "val", accelerator=accelerator, workers=workers)
                progress.close_epoch(order.steps_per_epoch, rate, scores, bare.diagnostics())
                if (improves(progress, scores) or plan.keep == "last") and lead:
                    save_weights(out / WEIGHTS, bare.model)
            progress.seconds = time.perf_counter() - start
            if epoch_ends or progress.step % checkpoint_every == 0:
                state = snapshot(config, progress, bare, optimiser)  # on every process: it gathers
                if lead:
                    saving.save_checkpoint(path, state)
                    write_log(out / "log.jsonl", progress)

    accelerator.wait_for_everyone()
    load_weights(out / WEIGHTS, bare.model)
    record = describe(
        run,
        bare.model,
        accelerator,
        steps=progress.step,
        seconds=progress.seconds,
        pretraining_seconds=progress.pretraining_seconds,
        pretraining_cached=progress.pretraining_cached,
        metrics={
            split: score(run, bare.model, split, accelerator=accelerator, workers=workers)
            for split in run.data.tests
        }
        | of_training(bare),
        counterfactual=counterfactual(run, bare.model),
    )
    if lead:
        write_json(out / "record.json", asdict(record))
    accelerator.wait_for_everyone()
    return record


def of_training(learner: Learner) -> dict[str, Scores]:
    """What a record tells of the last epoch's training itself."""
    told = learner.diagnostics()
    return {"train": {"matching": told}} if told else {}


def keep_channels_last(module: nn.Module) -> None:
    """Lay out convolutions' weights so. `Module.to` would refuse a model that also has 5-d weights."""
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def frozen_at_first(model: nn.Module, plan: Schedule) -> list[nn.Parameter]:
    """What `frozen_epochs` keeps from training for a while. What never trains is not in the list."""
    if not plan.frozen_epochs:
        return []
    return [parameter for parameter in cast(nn.Module, model.visual).parameters() if parameter.requires_grad]


def count_sums(
    terms: dict[str, torch.Tensor], summed: tuple[str, ...], processes: int
) -> dict[str, torch.Tensor]:
    """The terms, those that are sums over a batch taken as often as there are processes: gradients are averaged."""
    return {name: term * processes if name in summed else term for name, term in terms.items()}


def improves(progress: Progress, scores: Scores) -> bool:
    """True when the first protocol's first number is the best so far, which it then becomes."""
    value = next(iter(next(iter(scores.values())).values()))
    if value <= progress.best:
        return False
    progress.best = value
    return True


def snapshot(
    config: dict[str, Any], progress: Progress, learner: Learner, optimiser: torch.optim.Optimizer
) -> saving.State:
    """The full state of the run, the random streams of every process included."""
    return {
        "config": config,
        "fingerprint": fingerprint(config),
        "progress": asdict(progress),
        "learner": learner.state_dict(),
        "optimiser": optimiser.state_dict(),
        "random": gather_object([saving.random_state()]),
    }


def restore(
    saved: saving.State, learner: Learner, optimiser: torch.optim.Optimizer, accelerator: Accelerator
) -> Progress:
    """Put `snapshot`'s state back. Raises UserError when the number of processes has changed."""
    if len(saved["random"]) != accelerator.num_processes:
        raise UserError(
            f"the checkpoint is of {len(saved['random'])} processes, this run has "
            f"{accelerator.num_processes}; resume with the same number"
        )
    learner.load_state_dict(saved["learner"])
    optimiser.load_state_dict(saved["optimiser"])
    saving.set_random_state(saved["random"][accelerator.process_index])
    return Progress(**saved["progress"])
