"""What a trained network is good for: evaluation on any split, predictions, an export."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import flags
import run_record
from settings import TrainedModel, UserError

_BEST = "best"
_CROP = "evaluation_crop"
_FIGURE = ".png"


def evaluate(command: flags.Command) -> None:
    """Evaluates a checkpoint on --validation_split of --dataset, by default those of the run: text, JSON, a figure."""
    record = run_record.read(command.model_dir)
    output = Path(command.values["output"] or os.path.join(command.model_dir, "evaluation.json"))
    _check_output(output)
    if output.suffix == _FIGURE:
        raise UserError(f"--output={output} is where the figure goes; give a name for the numbers, such as eval.json")
    data = flags.recalled_data(command, record.sessions[-1].flags)
    model = _trained_model(command, record)
    import report
    import training

    found = training.evaluate(model, data, split=data.validation_split, batch_size=command.values["batch_size"])
    evaluation = report.assess(found.log_probabilities, found.labels, model.class_names)
    what = {
        "checkpoint": os.path.basename(model.checkpoint),
        "dataset": data.dataset,
        "split": data.validation_split,
        _CROP: model.evaluation_crop,
    }
    middle = f" (the middle, {model.evaluation_crop:g} of each side)" if model.evaluation_crop < 1 else ""
    title = f"{what['checkpoint']} on {data.validation_split} of {data.dataset}{middle}"
    report.write_text(json.dumps({**what, **report.evaluation_json(evaluation)}) + "\n", str(output), what="evaluation")
    figure = str(output.with_suffix(_FIGURE))
    report.draw_evaluation(evaluation, path=figure, title=title)
    print(title)
    print(report.evaluation_text(evaluation))
    print(f"JSON:   {output}\nFigure: {figure}")


def predict(command: flags.Command) -> None:
    """Names the most probable classes of a person's own images.

    Raises:
      UserError: once all are done, some files were no images.
    """
    if not command.values["images"]:
        raise UserError("--mode=predict needs --images; give files and folders, such as --images=cat.png,photos/")
    record = run_record.read(command.model_dir)
    if command.values["output"]:
        _check_output(Path(command.values["output"]))
    import serving
    from serving import image_files

    image_files.check(command.values["images"])
    model = _trained_model(command, record)
    predictions = serving.predict(model, command.values["images"], batch_size=command.values["batch_size"])
    with _opened(command.values["output"]) as file:
        written = serving.write(
            predictions,
            form=command.values["output_format"],
            class_names=model.class_names,
            classes_shown=command.values["classes_shown"],
            file=file,
        )
    if written.failed:
        files = written.predicted + written.failed
        raise UserError(f"{written.failed} of {files} files have no prediction; their lines say why")


def export(command: flags.Command) -> None:
    """Writes a SavedModel with its card, to be loaded by programs that have TensorFlow and nothing of this one."""
    record = run_record.read(command.model_dir)
    model = _trained_model(command, record)
    import serving

    newest = record.sessions[-1]
    facts = serving.Facts(
        data={
            "data set": flags.recalled("dataset", newest.flags),
            "trained on": flags.recalled("train_split", newest.flags),
            "validated on": flags.recalled("validation_split", newest.flags),
        },
        metrics=_metrics(command, model, record),
        flags=record.hyper_parameters,
        versions=newest.versions,
        commit=newest.git_commit,
    )
    folder = command.values["output"] or os.path.join(command.model_dir, "export")
    print(f"Export: {serving.export(model, folder, facts=facts, tflite=command.values['tflite'])}")


def _metrics(command: flags.Command, model: TrainedModel, record: run_record.RunRecord) -> Mapping[str, float]:
    """What the run found when it evaluated this model; nothing where it has not: another run's checkpoint, or crop."""
    import checkpoints
    from control import evaluations

    folder = Path(model.checkpoint).resolve().parent
    own_checkpoint = folder in (Path(command.model_dir).resolve(), Path(command.model_dir, checkpoints.BEST).resolve())
    own_crop = _CROP not in command.given or model.evaluation_crop == record.hyper_parameters.get(_CROP)
    if not own_checkpoint or not own_crop:
        return {}
    return evaluations.read(command.model_dir).get(checkpoints.global_step(model.checkpoint), {})


def _trained_model(command: flags.Command, record: run_record.RunRecord) -> TrainedModel:
    if record.classes is None:
        raise UserError(
            f"{run_record.FILE_NAME} in --model_dir={command.model_dir} does not say which classes the run has; start"
            " the run once more, which writes it (a complete run trains no further)"
        )
    return TrainedModel(
        network=flags.recalled("network", record.hyper_parameters),
        image_size=flags.recalled("image_size", record.hyper_parameters),
        evaluation_crop=flags.given_or_recalled(_CROP, command, record.hyper_parameters),
        checkpoint=_checkpoint(command),
        class_names=record.classes.class_names,
        stored_size=record.classes.stored_size,
    )


def _checkpoint(command: flags.Command) -> str:
    asked = command.values["checkpoint"]
    if asked not in (None, _BEST):
        if not os.path.exists(f"{asked}.index"):
            raise UserError(
                f"--checkpoint={asked}: no checkpoint there; give one, such as runs/seed/model.ckpt-20000, or best"
            )
        return asked
    import checkpoints

    folder = os.path.join(command.model_dir, checkpoints.BEST) if asked else command.model_dir
    found = checkpoints.examine(folder).good
    if found is None:
        raise UserError(f"{folder} holds no checkpoint that can be read; give another --model_dir, or a --checkpoint")
    return found


def _check_output(path: Path) -> None:
    """Before the work of which it is to hold the result."""
    if not path.parent.is_dir() or path.is_dir():
        raise UserError(f"--output={path} is not the name of a file in a folder that is there; give another --output")


def _opened(path: str | None) -> contextlib.AbstractContextManager[TextIO]:
    if path is None:
        return contextlib.nullcontext(sys.stdout)
    try:
        return open(path, "w", encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); give another --output") from error
