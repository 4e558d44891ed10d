"""Makers of what tests need, and the program run as a user runs it."""

import contextlib
import dataclasses
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import input_fn
import main
import settings

ROOT = Path(__file__).parent.parent
# Seconds that a process may take: far more than it does, so that a busy machine fails no test.
PATIENCE = 900


def make_data(**changes) -> settings.Data:
    values = {
        "dataset": "shapes10",
        "data_dir": None,
        "manual_dir": None,
        "train_split": "train",
        "validation_split": "test",
        "image_key": "image",
        "label_key": "label",
        "image_size": 96,
        "evaluation_crop": 1.0,
    }
    return settings.Data(**{**values, **changes})


def make_augmentation(**changes) -> settings.Augmentation:
    return settings.Augmentation(**{"color_jitter": 0.0, "cutout": 0.0, "mixup": 0.0, **changes})


def make_learning_rate(schedule: settings.Schedule, *, warmup=0, scale=1.0) -> settings.LearningRate:
    return settings.LearningRate(schedule, warmup=warmup, scale=scale)


def make_model(**changes) -> settings.Model:
    values = {
        "network": settings.Network.RESNET8,
        "sync_batch_norm": False,
        "accumulate_steps": 1,
        "learning_rate": make_learning_rate(settings.PiecewiseConstant(boundaries=(3,), values=(0.1, 0.01))),
        "momentum": 0.9,
        "nesterov": False,
        "weight_decay": 1e-4,
        "weight_decay_of": settings.WeightDecayOf.KERNELS,
        "label_smoothing": 0.0,
        "ema_decay": 0.0,
    }
    return settings.Model(**{**values, **changes})


def make_examples(num_examples: int, *, size: int = 8, seed: int = 0) -> input_fn.Examples:
    random = np.random.RandomState(seed)
    return input_fn.Examples(
        images=random.randint(0, 256, [num_examples, size, size, 3]).astype(np.uint8),
        labels=random.randint(0, 10, num_examples).astype(np.int32),
    )


def run_main(*arguments: str, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Runs `main.py` as a user does. Fails with what it said where it fails and `check` holds."""
    done = subprocess.run(
        [sys.executable, "main.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, **options
    )
    return _checked(done) if check else done


def call_main(*arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    """As `run_main`, but in this process, which has imported TensorFlow already and prepared it for training."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main.main(["main.py", *arguments])
    done = subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())
    return _checked(done) if check else done


def _checked(done: subprocess.CompletedProcess) -> subprocess.CompletedProcess:
    said = "\n".join([*done.stdout.splitlines()[-20:], *done.stderr.splitlines()[-20:]])
    assert done.returncode == 0, f"{' '.join(done.args)}\n{said}"
    return done


def make_devices(**changes) -> settings.Devices:
    values: dict[str, Any] = {
        "distribution_strategy": settings.DistributionStrategy.AUTO,
        "all_reduce": settings.AllReduce.AUTO,
        "num_gpus": None,
        "cpu_replicas": 1,
    }
    return settings.Devices(**{**values, **changes})


PLAIN_COMPUTE = settings.Compute(
    precision=settings.Precision.FLOAT32,
    data_format=settings.DataFormat.AUTO,
    augment_on=settings.AugmentOn.AUTO,
    xla=False,
    tensor_float_32=True,
    cudnn_autotune=True,
    intra_op_threads=0,
    inter_op_threads=0,
)


def make_settings(**changes) -> settings.Settings:
    """A tiny run; `changes` may name fields of `Training` and of the other parts, and parts."""
    parts: dict[str, Any] = {
        "training": settings.Training(
            batch_size=16,
            train_steps=20,
            seed=0,
            deterministic=False,
            initialize_from=None,
            summary_interval=4,
            evaluation_interval=8,
        ),
        "checkpoints": settings.Checkpoints(
            keep_checkpoints=5, keep_checkpoint_every_hours=None, best_metric=settings.Metric.ACCURACY
        ),
        "stopping": settings.Stopping(
            stop_after_evaluations_without_improvement=None,
            stop_at_accuracy=None,
            best_metric=settings.Metric.ACCURACY,
        ),
        "divergence": settings.Divergence(on_nan=settings.OnNan.STOP, max_rollbacks=3),
        "summaries": settings.Summaries(
            summaries=settings.SummaryLevel.MINIMAL,
            image_interval=8,
            histogram_interval=8,
            embedding_examples=0,
            profile_steps=None,
        ),
        "devices": make_devices(),
        "compute": PLAIN_COMPUTE,
        "cluster": settings.Cluster(evaluator_task=False, startup_timeout=60, peer_timeout=30, stall_timeout=600),
    }
    for name, part in parts.items():
        own = {field: changes.pop(field) for field in list(changes) if field in vars(part)}
        parts[name] = dataclasses.replace(part, **own)
    whole = {
        "model_dir": "run",
        "data": make_data(),
        "augmentation": make_augmentation(),
        "model": make_model(),
        **parts,
    }
    return settings.Settings(**{**whole, **changes})
