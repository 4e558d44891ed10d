"""How the devices at hand are used: what is left open by the flags is settled here."""

import dataclasses
import os

import tensorflow as tf

from settings import Arithmetic, AugmentOn, Compute, DataFormat, Precision, UserError


def settled(compute: Compute, *, on_gpu: bool) -> Compute:
    """`compute` with nothing left open.

    Raises:
      UserError: a layout that the device cannot train in.
    """
    data_format, augment_on = compute.data_format, compute.augment_on
    if data_format is DataFormat.AUTO:
        # Tensor cores, which half the precision is for, take channels last; cuDNN's float32 kernels channels first.
        tensor_cores = compute.precision is not Precision.FLOAT32 or not on_gpu
        data_format = DataFormat.CHANNELS_LAST if tensor_cores else DataFormat.CHANNELS_FIRST
    if data_format is DataFormat.CHANNELS_FIRST and not on_gpu:
        raise UserError(
            f"--data_format={data_format.value}: TensorFlow's convolutions on a processor train with channels last"
            " only; leave --data_format out"
        )
    if augment_on is AugmentOn.AUTO:
        augment_on = AugmentOn.DEVICE if on_gpu else AugmentOn.HOST
    return dataclasses.replace(compute, data_format=data_format, augment_on=augment_on)


def arithmetic(compute: Compute, *, on_gpu: bool) -> Arithmetic:
    """How a network computes there.

    Raises:
      UserError: as `settled`.
    """
    chosen = settled(compute, on_gpu=on_gpu)
    return Arithmetic(chosen.precision, chosen.data_format, on_gpu)


def prepare(compute: Compute) -> None:
    """Tells TensorFlow what holds for a whole process. Call before the first session."""
    tf.config.experimental.enable_tensor_float_32_execution(compute.tensor_float_32)
    os.environ["TF_CUDNN_USE_AUTOTUNE"] = "1" if compute.cudnn_autotune else "0"


def session_config(compute: Compute) -> tf.compat.v1.ConfigProto:
    """Of a session that leaves GPU memory to others until it needs it, on as many threads as it is told."""
    config = tf.compat.v1.ConfigProto(
        allow_soft_placement=True,
        intra_op_parallelism_threads=compute.intra_op_threads,
        inter_op_parallelism_threads=compute.inter_op_threads,
    )
    config.gpu_options.allow_growth = True
    if compute.xla:
        config.graph_options.optimizer_options.global_jit_level = tf.compat.v1.OptimizerOptions.ON_1
    return config
