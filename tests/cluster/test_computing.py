import dataclasses

import pytest
import tensorflow as tf

from cluster import computing
from settings import Arithmetic, AugmentOn, DataFormat, Precision, UserError
from tests.common import PLAIN_COMPUTE

FIRST, LAST = DataFormat.CHANNELS_FIRST, DataFormat.CHANNELS_LAST


def compute(**changes):
    return dataclasses.replace(PLAIN_COMPUTE, **changes)


@pytest.mark.parametrize(
    ("precision", "on_gpu", "data_format"),
    [
        (Precision.FLOAT32, False, LAST),
        (Precision.BFLOAT16, False, LAST),
        (Precision.FLOAT32, True, FIRST),
        (Precision.BFLOAT16, True, LAST),
        (Precision.FLOAT16, True, LAST),
    ],
)
def test_what_is_left_open_is_settled_by_the_device(precision, on_gpu, data_format):
    settled = computing.settled(compute(precision=precision), on_gpu=on_gpu)
    assert settled == compute(
        precision=precision, data_format=data_format, augment_on=AugmentOn.DEVICE if on_gpu else AugmentOn.HOST
    )
    assert computing.arithmetic(settled, on_gpu=on_gpu) == Arithmetic(precision, data_format, on_gpu)


def test_what_is_given_stays():
    given = compute(data_format=LAST, augment_on=AugmentOn.HOST)
    assert computing.settled(given, on_gpu=True) == given


def test_processors_do_not_train_with_channels_first():
    with pytest.raises(UserError, match="--data_format=channels_first: .* leave --data_format out"):
        computing.settled(compute(data_format=FIRST), on_gpu=False)


def test_a_session_has_the_threads_and_the_compiler_that_were_asked_for():
    config = computing.session_config(compute(intra_op_threads=3, inter_op_threads=2, xla=True))
    assert (config.intra_op_parallelism_threads, config.inter_op_parallelism_threads) == (3, 2)
    assert config.graph_options.optimizer_options.global_jit_level == tf.compat.v1.OptimizerOptions.ON_1
    assert config.gpu_options.allow_growth
    assert not computing.session_config(compute()).graph_options.optimizer_options.global_jit_level


@pytest.mark.parametrize("on", [True, False])
def test_the_process_is_told_what_holds_for_all_of_it(monkeypatch, on):
    monkeypatch.setenv("TF_CUDNN_USE_AUTOTUNE", "before")
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    try:
        computing.prepare(compute(tensor_float_32=on, cudnn_autotune=on))
        assert tf.config.experimental.tensor_float_32_execution_enabled() == on
        assert computing.os.environ["TF_CUDNN_USE_AUTOTUNE"] == str(int(on))
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
