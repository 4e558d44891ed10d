"""Flags of what is written for TensorBoard and of the report."""

import settings as s
from flags import parsers as p
from flags.registry import Group, define, switch

define(
    Group.SUMMARIES,
    "summaries",
    s.SummaryLevel.STANDARD,
    "How much to write: minimal is loss, accuracy, learning rate, images/s and text; standard adds everything but"
    " histograms; full adds those.",
    p.member_of(s.SummaryLevel),
)
define(
    Group.SUMMARIES,
    "image_interval",
    "10%",
    "Between pictures: inputs, filters, confusion matrix, mistakes, precision and recall, the projector's points. All"
    " but the first two come with the first evaluation that is due.",
    p.Duration(),
)
define(
    Group.SUMMARIES, "histogram_interval", "5%", "Between histograms of kernels, gradients, activations.", p.Duration()
)
define(
    Group.SUMMARIES,
    "embedding_examples",
    1000,
    "Examples of the validation split in the projector, which shows those of the newest pictures; 0 for none.",
    p.Number(int, low=0, below=65_537),  # The projector's picture of all thumbnails holds no more.
)
define(
    Group.SUMMARIES,
    "profile_steps",
    None,
    "Global steps to trace for the Profile page, such as 100:110 for steps 100 to 109. Default: none.",
    p.Steps(),
)
define(Group.SUMMARIES, "tensorboard_host", "localhost", "Address that TensorBoard listens on.", p.Host())
define(
    Group.SUMMARIES,
    "tensorboard_port",
    None,
    "Port that TensorBoard listens on. Default: 6006, or a free one where that is taken.",
    p.Number(int, low=1, below=65536),
)
switch(Group.SUMMARIES, "with_tensorboard", "Run TensorBoard alongside the training, and end it with it.")

define(Group.REPORT, "from_step", 0, "Step at which the curves of the report's figure start.", p.Number(int, low=0))
define(
    Group.REPORT,
    "target_accuracy",
    None,
    "Validation accuracy, such as 0.7, for which compare says how soon each run reached it. Default: the best of the"
    " constant rate.",
    p.Number(float, low=0, below=1),
)
