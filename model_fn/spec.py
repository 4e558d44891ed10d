"""The model_fn of the Estimator: one EstimatorSpec for each of TRAIN, EVAL and PREDICT."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from model_fn import averages, exchange, loss_scale, network, normalisation, objective, observed, replicas
from model_fn.accumulation import Outcome, forward_and_backward
from model_fn.interval import interval_means
from model_fn.live_rate import LiveRate
from model_fn.loss_scale import LossScale
from model_fn.network import Network
from model_fn.optimizer import Gradients, Momentum, gradient_norm, update
from model_fn.optimizer import gradients as gradients_of
from model_fn.schedules import make_schedule
from settings import Arithmetic, Model, Precision, SummaryLevel, WeightDecayOf
from summaries import collect, tags

Batch = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Params:
    """What the Estimator hands to `model_fn`: the model's settings, the data set's classes, what to offer and when.

    `augment` makes features and labels of what the input_fn of training gives, where that is left to the device.
    `deterministic`: nothing in the graph looks at a clock.
    """

    model: Model
    arithmetic: Arithmetic
    class_names: tuple[str, ...]
    summary_interval: int
    summaries: SummaryLevel
    deterministic: bool
    augment: Callable[[Batch, Batch], tuple[Batch, Batch]] | None = None


def model_fn(
    features: dict[str, tf.Tensor],
    labels: dict[str, tf.Tensor] | None,
    mode: str,
    params: Params,
    config: tf.estimator.RunConfig | None = None,
) -> tf.estimator.EstimatorSpec:
    """A residual network on `features["image"]`, [batch, height, width, 3] float32 in [-1, 1], or in training on what
    `params.augment` makes of the features.

    `labels`, for TRAIN and EVAL: `label` [batch] int32, `weight` [batch] float32 and `index` [batch] int64; of mixed
    images also what `objective.loss` takes. `config` has the cluster, if there is one.
    """
    if config and config.num_ps_replicas and mode == tf.estimator.ModeKeys.TRAIN:
        replicas.meet(config)
        _save_by_chief(config)
    training = mode == tf.estimator.ModeKeys.TRAIN
    given = next(iter(features.values()))
    if training and params.augment and labels is not None:
        with tf.name_scope("augment"):
            features, labels = params.augment(features, labels)
    images = features["image"]
    if mode == tf.estimator.ModeKeys.PREDICT:
        return _predict_spec(_network(images, params, training=training).logits, params)
    assert labels is not None, f"mode {mode} needs labels"

    def forward(images: tf.Tensor, labels: dict[str, tf.Tensor]) -> Outcome:
        return _outcome(_network(images, params, training=training), labels, params, training=training)

    if mode == tf.estimator.ModeKeys.EVAL:
        return _eval_spec(forward(images, labels), labels)
    scaling = LossScale() if params.arithmetic.precision is Precision.FLOAT16 else None
    outcome, gradients = forward_and_backward(
        forward,
        images,
        labels,
        slices=params.model.accumulate_steps,
        backward=scaling.gradients if scaling else gradients_of,
    )
    observed.offer_inputs(outcome.net, images, labels["label"])
    return _train_spec(outcome, gradients, scaling, given, params)


def _network(images: tf.Tensor, params: Params, *, training: bool) -> Network:
    with averages.in_place() if params.model.ema_decay and not training else contextlib.nullcontext():
        return network.build(
            images,
            network.ARCHITECTURES[params.model.network],
            num_classes=len(params.class_names),
            training=training,
            sync_batch_norm=params.model.sync_batch_norm,
            arithmetic=params.arithmetic,
            slices=params.model.accumulate_steps,
        )


def _outcome(net: Network, labels: dict[str, tf.Tensor], params: Params, *, training: bool) -> Outcome:
    with tf.name_scope("objective"):
        loss = objective.loss(
            net.logits,
            labels,
            label_smoothing=params.model.label_smoothing if training else 0.0,
            decayed=_decayed(net, params.model.weight_decay_of),
            weight_decay=params.model.weight_decay,
        )
        # The share of examples whose label is among the likeliest classes, by tag.
        correct = {tags.ACCURACY: objective.correct(net.logits, labels["label"])}
        if tags.has_top_5(len(params.class_names)):
            correct[tags.TOP_5_ACCURACY] = objective.correct(net.logits, labels["label"], among=5)
    return Outcome(net, loss, correct)


def _decayed(net: Network, weight_decay_of: WeightDecayOf) -> list[tf.Variable]:
    return net.kernels if weight_decay_of is WeightDecayOf.KERNELS else tf.compat.v1.trainable_variables()


def _train_spec(
    outcome: Outcome, gradients: Gradients, scaling: LossScale | None, given: tf.Tensor, params: Params
) -> tf.estimator.EstimatorSpec:
    net, loss, _ = outcome
    averaged = averages.Averages(network.variables()) if params.model.ema_decay else None
    global_step = tf.compat.v1.train.get_or_create_global_step()
    # Read before the update that adds one to it.
    step = tf.identity(global_step, name="step_before_update")
    with tf.name_scope("schedule"):
        live = LiveRate(make_schedule(params.model.learning_rate)(step))
    overflows = [scaling.overflows(gradients, loss.total)] if scaling else []
    exchanged = exchange.exchange(outcome, live, overflows, given, deterministic=params.deterministic)
    totals, meeting = exchanged.totals, replicas.meeting()
    # The mean over replicas. Of a distribution strategy's the Estimator takes it.
    told = totals[1] / totals[0] if meeting else loss.total
    rate, momentum, decision = live.rate, params.model.momentum, None
    if scaling:
        decision = _decided(scaling, exchanged.overflows)
        totals, told = loss_scale.counted(totals), decision.told(told)
        gradients, rate, momentum = decision.or_nothing(gradients, rate=rate, momentum=momentum)
    with tf.name_scope("interval_means"):
        means, update_means = interval_means(totals, step=step, interval=params.summary_interval)
    optimizer = Momentum(rate, momentum=momentum, nesterov=params.model.nesterov)
    keeps_state = meeting is None or meeting.is_first  # One of the workers that meet on ps tasks does.
    with tf.control_dependencies([step]), tf.name_scope("optimizer"):
        train_op = update(gradients, optimizer, global_step)
        if keeps_state:
            beside = [update_means, live.update(exchanged.message)]
            train_op = _with_other_state(train_op, beside, net, averaged, decision, step=step, model=params.model)
        if meeting:
            train_op = meeting.end_of_step(train_op)
    for tag, mean in zip(exchanged.tags, means, strict=True):
        if tag != tags.INPUT_WAIT or not params.deterministic:
            collect.scalar(tag, mean)
    collect.scalar(tags.LEARNING_RATE, live.rate)
    if keeps_state:
        _offer_updates(net, optimizer, params.summaries)
    return tf.estimator.EstimatorSpec(
        tf.estimator.ModeKeys.TRAIN,
        loss=told,
        train_op=train_op,
        scaffold=meeting.scaffold() if meeting else None,
    )


def _decided(scaling: LossScale, overflows: Sequence[tf.Tensor]) -> loss_scale.Decision:
    """Whether the step is skipped, of which curves tell."""
    decision = scaling.decide(*overflows)
    collect.scalar(tags.LOSS_SCALE, scaling.scale)
    collect.scalar(tags.SKIPPED_STEPS, decision.skipped_steps)
    return decision


def _with_other_state(
    train_op: tf.Operation,
    beside: list[tf.Operation],
    net: Network,
    averaged: averages.Averages | None,
    decision: loss_scale.Decision | None,
    *,
    step: tf.Tensor,
    model: Model,
) -> tf.Operation:
    """The update of weights with those beside it, and then with that of their averages."""
    train_op = tf.group(train_op, *beside)
    if decision:
        moved = normalisation.move(net.moves, slices=model.accumulate_steps, only_if=decision.is_applied)
        train_op = tf.group(train_op, moved, decision.update())
    if not averaged:
        return train_op
    with tf.control_dependencies([train_op]):
        return averaged.update(decay=model.ema_decay, step=step, only_if=decision.is_applied if decision else True)


def _save_by_chief(config: tf.estimator.RunConfig) -> None:
    """By the Estimator's own saver each ps task writes what it holds, to a folder that may have another name there."""
    saver = tf.compat.v1.train.Saver(
        max_to_keep=config.keep_checkpoint_max,
        keep_checkpoint_every_n_hours=config.keep_checkpoint_every_n_hours,
        defer_build=True,
        save_relative_paths=True,
    )
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.SAVERS, saver)


def _offer_updates(net: Network, optimizer: Momentum, level: SummaryLevel) -> None:
    with tf.name_scope("observed"):
        collect.scalar(tags.GRADIENT_NORM, gradient_norm(list(optimizer.applied().values())))
        if level is not SummaryLevel.MINIMAL:
            observed.offer_updates(optimizer)
        if level is SummaryLevel.FULL:
            observed.offer_histograms(net, optimizer)


def _eval_spec(outcome: Outcome, labels: dict[str, tf.Tensor]) -> tf.estimator.EstimatorSpec:
    net, loss, correct = outcome
    # The Estimator adds the loss itself, as the mean of `loss` over the batches.
    with tf.name_scope("metrics"):
        metrics = {tag: tf.compat.v1.metrics.mean(each, labels["weight"]) for tag, each in correct.items()}
        metrics[tags.CROSS_ENTROPY] = tf.compat.v1.metrics.mean(loss.cross_entropy)
        metrics[tags.WEIGHT_DECAY] = tf.compat.v1.metrics.mean(loss.weight_decay)
    collect.predictions(
        collect.Predictions(
            index=labels["index"],
            weight=labels["weight"],
            label=labels["label"],
            probabilities=tf.nn.softmax(net.logits, name="probabilities"),
            embedding=net.embedding,
        )
    )
    return tf.estimator.EstimatorSpec(tf.estimator.ModeKeys.EVAL, loss=loss.total, eval_metric_ops=metrics)


def _predict_spec(logits: tf.Tensor, params: Params) -> tf.estimator.EstimatorSpec:
    class_index = tf.argmax(logits, axis=1)
    predictions = {
        "probabilities": tf.nn.softmax(logits),
        "class_index": class_index,
        "class_name": tf.gather(tf.constant(params.class_names), class_index),
    }
    return tf.estimator.EstimatorSpec(tf.estimator.ModeKeys.PREDICT, predictions=predictions)
