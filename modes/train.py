"""Training runs."""

import contextlib
import os
import sys
import tempfile
from typing import Any

import flags
import run_record
import tensorboard_server
from cluster import membership, topology
from control import lock, preemption
from control.preemption import Preemption
from modes.experiments import experiment
from modes.watch import COMPARISON, listening, report, report_records
from settings import Settings, UserError

# Flags that may differ from task to task of a cluster.
_OF_ONE_TASK = (
    *("model_dir", "data_dir", "manual_dir", "verbosity"),
    *("with_tensorboard", "tensorboard_host", "tensorboard_port"),
)


def train_and_evaluate(command: flags.Command) -> None:
    """Trains to --train_steps from the newest checkpoint in --model_dir, evaluating as it goes, and reports."""
    task = _task(command)
    with preemption.watched() as signals, _tensorboard_alongside(command, task):
        _train(experiment(command), task, signals, overwrite=command.values["overwrite"])
        if task.is_chief:
            _report(command)


def compare(command: flags.Command) -> None:
    """Trains each --run in its own directory under --model_dir, where it stopped if it did, and compares them all."""
    comparison = flags.comparison(command)
    runs = comparison.runs
    task = _task(command)
    if task.has_ps:
        raise UserError(
            "--mode=compare trains one run after the other, and ps tasks end with the first; start it without ps tasks"
        )
    # Every command line is checked before the first run starts.
    experiments = {name: experiment(run) for name, run in runs.items()}
    with _tensorboard_alongside(command, task):
        for name, run in experiments.items():
            print(f"== {name} ({list(runs).index(name) + 1} of {len(runs)})", flush=True)
            try:
                with preemption.watched() as signals:
                    _train(run, task, signals, overwrite=command.values["overwrite"])
            except UserError as error:
                # The other runs are worth having all the same.
                print(f"{name} ended early: {error}", flush=True)
    if not task.is_chief:
        return
    import report as report_room

    print(
        report_room.compare(
            {name: run.model_dir for name, run in runs.items()},
            records=report_records(runs),
            control=comparison.control,
            target_accuracy=command.values["target_accuracy"],
            batch_size=command.values["batch_size"],
            path=os.path.join(command.model_dir, COMPARISON),
        )
    )


def _report(command: flags.Command) -> None:
    """Of a run that is complete, whatever becomes of its report: one that ended early may have no curves yet."""
    try:
        report(command)
    except UserError as error:
        print(f"No report: {error}", file=sys.stderr)


def _tensorboard_alongside(command: flags.Command, task: topology.Task) -> contextlib.AbstractContextManager[None]:
    if command.values["with_tensorboard"] and task.is_chief:
        return tensorboard_server.running(command.model_dir, **listening(command))
    return contextlib.nullcontext()


def _task(command: flags.Command) -> topology.Task:
    """What this process is in a cluster; TensorFlow is told what it must know of that."""
    task = topology.this_task(evaluator_task=command.values["evaluator_task"])
    topology.publish(task)
    return task


def _train(run: flags.Experiment, task: topology.Task, signals: Preemption, *, overwrite: bool) -> None:
    settings = run.settings
    _check_source(settings, overwrite=overwrite)
    record: run_record.RunRecord | None = None
    with contextlib.ExitStack() as stack:

        def begin() -> None:
            """For the chief, before another task looks at the model_dir."""
            nonlocal record
            stack.enter_context(_kept_to_this_process(settings.model_dir))
            record = _begun(run, task, overwrite=overwrite)

        scratch = tempfile.TemporaryDirectory(prefix="stepdown-")
        stack.enter_context(scratch)
        members = stack.enter_context(
            membership.joined(
                task,
                settings.cluster,
                model_dir=settings.model_dir,
                run={name: value for name, value in run.flags.items() if name not in _OF_ONE_TASK},
                prepare=begin,
                on_stop_asked=signals.ask,
                stop_signals=preemption.SIGNALS,
                clean_up=scratch.cleanup,
            )
        )
        with members.paused("getting ready"):
            import training

            training.check_devices(settings, task)
            if record:
                _keep_classes(settings)
        training.train_and_evaluate(
            settings, task, _recorded(run, record), preemption=signals, members=members, scratch=scratch.name
        )


def _begun(run: flags.Experiment, task: topology.Task, *, overwrite: bool) -> run_record.RunRecord:
    import training

    model_dir = run.settings.model_dir
    training.check_devices(run.settings, task)
    record = run_record.open_run(
        model_dir,
        flags=run.flags,
        hyper_parameters=run.hyper_parameters,
        defaults=run.defaults,
        overwrite=overwrite,
    )
    training.mend_checkpoints(model_dir)
    return record


def _keep_classes(settings: Settings) -> None:
    import input_fn

    info = input_fn.describe(settings.data)
    run_record.keep_classes(settings.model_dir, run_record.Classes(info.class_names, info.stored_size))


def _recorded(run: flags.Experiment, record: run_record.RunRecord | None) -> Any:
    """What training tells of the run. Only the chief has a record."""
    import training

    environment = run_record.environment(record) if record else {}
    session = record.sessions[-1].started if record else ""
    return training.Recorded(run.flags, run.hyper_parameters, environment=environment, session=session)


def _check_source(settings: Settings, *, overwrite: bool) -> None:
    """Before anything is removed or begun. A run that goes on needs its --initialize_from no more."""
    source, model_dir = settings.training.initialize_from, settings.model_dir
    if source is None or (os.path.exists(os.path.join(model_dir, "checkpoint")) and not overwrite):
        return
    if not os.path.isdir(source) and not os.path.exists(f"{source}.index"):
        raise UserError(
            f"--initialize_from={source}: no checkpoint there; give one, such as runs/seed/model.ckpt-20000, or a run's"
            " directory"
        )
    if overwrite and f"{os.path.realpath(source)}/".startswith(f"{os.path.realpath(model_dir)}/"):
        raise UserError(f"--initialize_from={source} is in --model_dir={model_dir}, which --overwrite removes; copy it")


def _kept_to_this_process(model_dir: str) -> contextlib.AbstractContextManager[None]:
    return lock.held(run_record.make_folder(model_dir), now=run_record.now())
