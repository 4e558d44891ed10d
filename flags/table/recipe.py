"""Flags of the recipe: the optimizer's, and what keeps a network from learning its training images by heart."""

import settings as s
from flags import parsers as p
from flags.registry import Group, define, switch

define(
    Group.RECIPE, "momentum", 0.9, "Momentum of the optimizer.", p.Number(float, low=0, below=1), hyper_parameter=True
)
switch(
    Group.RECIPE,
    "nesterov",
    "Nesterov's momentum: go by the gradient plus the momentum, as if the next step had begun already.",
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "weight_decay",
    1e-4,
    "Factor of half the squared weights in the loss.",
    p.Number(float, low=0),
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "weight_decay_of",
    s.WeightDecayOf.KERNELS,
    "Which weights decay: kernels, so that biases and batch normalisation are exempt, or all that are trained.",
    p.member_of(s.WeightDecayOf),
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "label_smoothing",
    0.0,
    "Share of each label that is spread evenly over all classes, in training alone: evaluations have the plain"
    " cross-entropy. 0 for none.",
    p.Number(float, low=0, below=1),
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "ema_decay",
    0.0,
    "Decay of an exponential moving average of the weights, such as 0.998, which evaluations, the best checkpoint,"
    " predictions and exports then use. At most (1 + step) / (10 + step), so that short runs work too. 0 for none.",
    p.Number(float, low=0, below=1),
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "color_jitter",
    0.0,
    "Strength of random colour in training: brightness +-s, contrast 1+-s, hue +-s/4. 0 for none.",
    p.Number(float, low=0, below=1),
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "cutout",
    0.0,
    "Side of the grey square that is put at a random place of each training image, as a share of the image's side; it"
    " may hang over the edge. 0 for none.",
    p.Number(float, low=0, below=1),
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "evaluation_crop",
    1.0,
    "Share of each side that evaluations, predictions and exports take of an image, from its middle. 0.8 shows things"
    " as large as random crops do; 1 is the whole image.",
    p.Share(),
    hyper_parameter=True,
)
define(
    Group.RECIPE,
    "mixup",
    0.0,
    "Mix each training image with the next one of its batch, and their labels, by shares from a Beta distribution with"
    " this for both parameters, such as 0.2; its own share is the larger one. 0 for none.",
    p.Number(float, low=0),
    hyper_parameter=True,
)
