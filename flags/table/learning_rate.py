"""Flags of the learning rate."""

import settings as s
from flags import parsers as p
from flags.registry import COUNT, Group, define, switch

define(
    Group.LEARNING_RATE,
    "learning_rate_schedule",
    s.ScheduleName.PIECEWISE_CONSTANT,
    "How the learning rate goes with the global step; model_fn/schedules.py has formulas, --mode=show_schedule draws.",
    p.member_of(s.ScheduleName),
)
define(
    Group.LEARNING_RATE,
    "learning_rate",
    0.1,
    "The rate from which every schedule but piecewise_constant goes down (one_cycle: its peak). With"
    " --mode=set_learning_rate: the rate to set.",
    p.Positive(),
)
define(
    Group.LEARNING_RATE,
    "boundaries",
    "12000",
    "piecewise_constant: where the rate changes. With 12000 the first 12000 updates (steps 0 to 11999) use the first"
    " value.",
    p.List(p.Duration()),
)
define(
    Group.LEARNING_RATE,
    "values",
    "0.1,0.01",
    "piecewise_constant: the rates, one more than there are boundaries.",
    p.List(p.Positive()),
)
define(
    Group.LEARNING_RATE,
    "warmup",
    "0",
    "Any schedule: the first updates, over which the rate grows linearly to that of the schedule.",
    p.Duration(),
)
define(
    Group.LEARNING_RATE,
    "reference_batch_size",
    None,
    "Any schedule: batch size that the rates are given for; they are multiplied by --batch_size over it (the linear"
    " scaling rule). Default: no scaling.",
    COUNT,
)
define(
    Group.LEARNING_RATE,
    "minimum_learning_rate",
    0.0,
    "polynomial, the cosines, one_cycle: the rate at the end. plateau: the rate below which it does not step.",
    p.Number(float, low=0),
)
define(
    Group.LEARNING_RATE,
    "decay_steps",
    None,
    "polynomial, the cosines, one_cycle: when the end is reached (cosine_restarts: length of the first period). The"
    " exponentials, inverse_time: steps for one --decay_rate. Default: the run; cosine_restarts: a seventh of it.",
    p.Duration(),
)
define(
    Group.LEARNING_RATE,
    "decay_rate",
    None,
    "exponential: factor for each --decay_steps; natural_exponential: exponent; inverse_time: denominator. Default:"
    " what makes a hundredth of the rate after --decay_steps (0.01, 4.60517 and 99).",
    p.Positive(),
)
switch(Group.LEARNING_RATE, "staircase", "The exponentials, inverse_time: go down in steps, one each --decay_steps.")
define(Group.LEARNING_RATE, "power", 1.0, "polynomial: its power; 1 is a straight line.", p.Positive())
switch(Group.LEARNING_RATE, "cycle", "polynomial: up again each time the end is reached, to ever lower peaks.")
define(
    Group.LEARNING_RATE,
    "period_factor",
    2.0,
    "cosine_restarts: how many times as long each period is as the one before.",
    p.Number(float, low=1),
)
define(Group.LEARNING_RATE, "restart_factor", 1.0, "cosine_restarts: factor of the peak at each restart.", p.Positive())
define(Group.LEARNING_RATE, "rise_steps", "30%", "one_cycle: how long the rate goes up.", p.Duration())
define(
    Group.LEARNING_RATE,
    "rise_factor",
    25.0,
    "one_cycle: how many times the first rate goes into the peak.",
    p.Number(float, low=1),
)
define(
    Group.LEARNING_RATE,
    "plateau_patience",
    "10%",
    "plateau: how long evaluations may bring no improvement before the rate steps down.",
    p.Duration(),
)
define(
    Group.LEARNING_RATE,
    "plateau_factor",
    0.1,
    "plateau: what the rate is multiplied by.",
    p.Number(float, low=1e-6, below=1),
)
define(
    Group.LEARNING_RATE,
    "plateau_metric",
    s.Metric.LOSS,
    "plateau: the metric of the validation split that has to get better.",
    p.member_of(s.Metric),
)
