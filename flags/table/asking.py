"""Flags of the modes beside training."""

import settings as s
from flags import parsers as p
from flags.registry import COUNT, FILE_NAME, TEXT, Group, define, define_list, switch

define(
    Group.CHANGE,
    "learning_rate_factor",
    None,
    "--mode=set_learning_rate: multiply the rate by this; the schedule goes on.",
    p.Positive(),
)
switch(Group.CHANGE, "release", "--mode=set_learning_rate: back to the schedule.")
define(
    Group.CHANGE,
    "answer_timeout",
    120.0,
    "--mode=set_learning_rate: seconds to wait for the run's answer. It cannot answer while it evaluates.",
    p.Positive(),
)

define(Group.FIND, "find_smallest", 1e-5, "Rate of the first step of the range test.", p.Positive())
define(Group.FIND, "find_largest", 10.0, "Rate of its last step.", p.Positive())
define(Group.FIND, "find_steps", 200, "Steps of the range test.", p.Number(int, low=20))

define_list(
    Group.COMPARE,
    "run",
    "A run to compare: its name, and flags of learning rate and recipe on top of the common ones, as in --run='cosine"
    " --learning_rate_schedule=cosine'.",
)
define(
    Group.COMPARE,
    "control",
    None,
    "Name of the run that the others are measured against; also in the report of a directory of runs. Default: the one"
    " at a constant rate, which compare adds where there is none.",
    TEXT,
)

define(
    Group.USE,
    "checkpoint",
    None,
    "evaluate, predict, export: the checkpoint to use, such as runs/seed/model.ckpt-20000, or best for the best one of"
    " --model_dir. Default: the newest.",
    TEXT,
)
define(
    Group.USE,
    "images",
    "",
    "predict: image files and folders of them, comma-separated.",
    p.List(FILE_NAME),
)
define(
    Group.USE,
    "output_format",
    s.OutputFormat.TABLE,
    "predict: how to print the classes of each image.",
    p.member_of(s.OutputFormat),
)
define(Group.USE, "classes_shown", 3, "predict: how many of the most probable classes the table shows.", COUNT)
define(
    Group.USE,
    "output",
    None,
    "evaluate: JSON file to write (default: evaluation.json in --model_dir, its figure beside it). predict: file to"
    " write instead of printing. export: directory to write (default: export in --model_dir).",
    TEXT,
)
switch(Group.USE, "tflite", "export: write a TensorFlow Lite model as well.")
