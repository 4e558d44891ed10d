"""Flags of the model, of its training, and of what stays of it."""

import settings as s
from flags import parsers as p
from flags.registry import COUNT, TEXT, Group, define, switch

define(
    Group.MODEL,
    "network",
    s.Network.RESNET18,
    "ResNet 18, 34 or 50 for large images (from about 64 px); 8, 20, 32 or 56 for small ones.",
    p.member_of(s.Network),
    hyper_parameter=True,
)
switch(
    Group.MODEL,
    "sync_batch_norm",
    "Normalise by the statistics of the whole global batch, not of each replica's share by itself. Costs speed.",
    hyper_parameter=True,
)

define(Group.TRAINING, "train_steps", "20000", "Updates in the whole run.", p.Duration(percent=False))
define(
    Group.TRAINING,
    "batch_size",
    64,
    "Examples in a step, over all replicas together.",
    p.Number(int, low=1, below=2**20),
    hyper_parameter=True,
)
define(
    Group.TRAINING,
    "accumulate_steps",
    1,
    "Take the batch of a step in so many slices, one after the other, and apply the sum of their gradients once: for"
    " batches that do not fit into memory. Each slice is normalised by its own statistics.",
    p.Number(int, low=1, below=2**20),
    hyper_parameter=True,
)
define(
    Group.TRAINING,
    "summary_interval",
    "200",
    "Between points of the training curves, each a mean over that long.",
    p.Duration(),
)
define(
    Group.TRAINING,
    "evaluation_interval",
    "1000",
    "Between checkpoints; each checkpoint is evaluated on the whole validation split.",
    p.Duration(),
)
switch(
    Group.TRAINING,
    "deterministic",
    "Make every step equal bit for bit from start to start on the same machine, however often the run is interrupted."
    " Costs speed.",
)
define(
    Group.TRAINING,
    "initialize_from",
    None,
    "Checkpoint, or directory of a run, to take the weights from that fit in name and shape: fine-tuning.",
    TEXT,
    hyper_parameter=True,
)

define(Group.ENDS, "keep_checkpoints", 5, "How many of the newest checkpoints to keep.", COUNT)
define(
    Group.ENDS,
    "keep_checkpoint_every_hours",
    None,
    "Keep one checkpoint for each so many hours of training as well. Default: none.",
    p.Positive(),
)
define(
    Group.ENDS,
    "best_metric",
    s.Metric.ACCURACY,
    "The metric of the validation split by which the best checkpoint is kept apart, in best/, and by which"
    " --stop_after_evaluations_without_improvement judges.",
    p.member_of(s.Metric),
)
define(
    Group.ENDS,
    "stop_after_evaluations_without_improvement",
    None,
    "End the run early once so many evaluations in a row were no better than the best before them. Default: never.",
    COUNT,
)
define(
    Group.ENDS,
    "stop_at_accuracy",
    None,
    "End the run early once an evaluation's accuracy is at least this, such as 0.9. Default: never.",
    p.Number(float, low=0, below=1),
)
define(
    Group.ENDS,
    "on_nan",
    s.OnNan.STOP,
    "What to do when the loss is no longer a number: stop, or rollback to the last good checkpoint, and on at half the"
    " rate.",
    p.member_of(s.OnNan),
)
define(Group.ENDS, "max_rollbacks", 3, "How many rollbacks a run makes before it stops all the same.", COUNT)
