"""TensorBoard of the locked environment starts, and serves a run."""

import json
import re
import subprocess
import sys
import urllib.request

import tensorflow as tf

from summaries import events, tags


def test_tensorboard_starts_and_serves_train_and_validation_under_one_tag(tmp_path):
    for folder in (tmp_path, tmp_path / "eval"):
        with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(str(folder)) as writer:
            writer.add_summary(events.scalars({tags.LOSS: 0.5}), 1)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(tmp_path), "--port=0", "--load_fast=false"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                if address := re.search(r"at (http://\S+)", line):
                    break
            else:
                raise AssertionError("TensorBoard did not start: " + "".join(said))
            with urllib.request.urlopen(address[1] + "data/plugin/scalars/tags", timeout=30) as answer:
                runs = json.load(answer)
        finally:
            server.terminate()
    assert {run: list(found) for run, found in runs.items()} == {".": [tags.LOSS], "eval": [tags.LOSS]}
