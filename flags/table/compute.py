"""Flags of how a run computes: types, layouts, threads."""

import settings as s
from flags import parsers as p
from flags.registry import Group, define, switch

_THREADS = p.Number(int, low=0, below=1025)

define(
    Group.COMPUTE,
    "precision",
    s.Precision.FLOAT32,
    "Type that the network computes in. Variables, batch-norm statistics, loss and update are float32 in each; float16"
    " scales its loss. bfloat16 is the fastest on processors with AVX512-BF16 or AMX, and on GPUs since Ampere.",
    p.member_of(s.Precision),
    hyper_parameter=True,
)
define(
    Group.COMPUTE,
    "data_format",
    s.DataFormat.AUTO,
    "Where the channels of images stand in memory. auto: channels_first for float32 on GPUs, else channels_last.",
    p.member_of(s.DataFormat),
)
define(
    Group.COMPUTE,
    "augment_on",
    s.AugmentOn.AUTO,
    "Where stored images are resized, cropped, flipped and coloured: on the host, beside the step, or on the device, to"
    " which small uint8 images then travel. The pixels are the same. auto: device on GPUs, else host.",
    p.member_of(s.AugmentOn),
)
switch(Group.COMPUTE, "xla", "Compile the step with XLA. Slower on processors.")
switch(
    Group.COMPUTE,
    "tensor_float_32",
    "GPUs since Ampere: round what float32 convolutions and matrix products multiply to 10 bits of fraction.",
    default=True,
)
switch(Group.COMPUTE, "cudnn_autotune", "GPUs: try cuDNN's ways of a convolution and take the fastest.", default=True)
define(
    Group.COMPUTE,
    "intra_op_threads",
    0,
    "Threads that one operation may use. 0: as many as there are processors.",
    _THREADS,
)
define(
    Group.COMPUTE,
    "inter_op_threads",
    0,
    "Operations that may run at once. 0: as many as there are processors.",
    _THREADS,
)
