"""Makers of what tests need, and the program run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

import input_fn
import settings

ROOT = Path(__file__).parent.parent


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
        "color_jitter": 0.0,
    }
    return settings.Data(**{**values, **changes})


def make_learning_rate(schedule: settings.Schedule, *, warmup=0, scale=1.0) -> settings.LearningRate:
    return settings.LearningRate(schedule, warmup=warmup, scale=scale)


def make_model(**changes) -> settings.Model:
    values = {
        "network": settings.Network.RESNET8,
        "learning_rate": make_learning_rate(settings.PiecewiseConstant(boundaries=(3,), values=(0.1, 0.01))),
        "momentum": 0.9,
        "weight_decay": 1e-4,
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
        [sys.executable, "main.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=240, **options
    )
    if check:
        said = "\n".join([*done.stdout.splitlines()[-20:], *done.stderr.splitlines()[-20:]])
        assert done.returncode == 0, f"main.py {' '.join(arguments)}\n{said}"
    return done
