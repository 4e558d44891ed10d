"""Flags of the run as a whole, and of its data."""

import settings as s
from flags import parsers as p
from flags.registry import TEXT, Group, define, switch

switch(Group.RUN, "help", "Show this help.")
define(Group.RUN, "mode", s.Mode.TRAIN_AND_EVALUATE, "What to do.", p.member_of(s.Mode))
define(Group.RUN, "model_dir", None, "Directory of the run: checkpoints, event files, what the run was. Needed.", TEXT)
switch(Group.RUN, "overwrite", "Remove the run that stands in --model_dir and start a new one.")
define(
    Group.RUN, "verbosity", s.Verbosity.QUIET, "How much TensorFlow says of its own accord.", p.member_of(s.Verbosity)
)
define(
    Group.RUN,
    "seed",
    0,
    "Seed of the order of examples, the augmentation and the initial weights.",
    p.Number(int, low=0, below=2**31),
    hyper_parameter=True,
)

define(
    Group.DATA,
    "dataset",
    "cifar10",
    "Name of a tensorflow-datasets image classification data set, or shapes10, which is built in.",
    p.DatasetName(),
    hyper_parameter=True,
)
define(Group.DATA, "data_dir", None, "Directory of prepared data sets. Default: that of tensorflow-datasets.", TEXT)
define(Group.DATA, "manual_dir", None, "Directory with the data set's official archive, for a machine offline.", TEXT)
define(
    Group.DATA,
    "train_split",
    "train",
    "Split to train on; slices such as train[:90%] work.",
    TEXT,
    hyper_parameter=True,
)
define(Group.DATA, "validation_split", "test", "Split to validate on.", TEXT, hyper_parameter=True)
define(Group.DATA, "image_key", "image", "Name of the image in the data set's features.", TEXT, hyper_parameter=True)
define(Group.DATA, "label_key", "label", "Name of the label in the data set's features.", TEXT, hyper_parameter=True)
define(
    Group.DATA,
    "image_size",
    96,
    "Side of the square images that the network sees, in pixels. Training crops them from images 1.25 times as large.",
    p.Number(int, low=8, below=1025),
    hyper_parameter=True,
)
