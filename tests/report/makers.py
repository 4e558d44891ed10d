"""Hand-made event files and curves."""

import dataclasses
import io

import matplotlib.image
import numpy as np
from matplotlib.figure import Figure
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

import report
from summaries import tags

START = event_pb2.SessionLog(status=event_pb2.SessionLog.START)


def write_events(directory, number, points, *, tag=tags.LOSS, start=None, time=None):
    """Writes event file `number` of `directory` with `points` {step: value}, after a SessionLog START at `start`."""
    values = {step: summary_pb2.Summary.Value(tag=tag, simple_value=value) for step, value in points.items()}
    time = number if time is None else time
    return _write(_event_file(directory, number, tag), values, start=start, time=time)


def write_picture(directory, number, png, *, tag, step, start=None):
    """Writes event file `number` of `directory` with one picture, after a SessionLog START at `start`."""
    image = summary_pb2.Summary.Image(encoded_image_string=png, width=4, height=3)
    values = {step: summary_pb2.Summary.Value(tag=tag, image=image)}
    return _write(_event_file(directory, number, tag), values, start=start, time=number)


def _event_file(directory, number, tag):
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f"events.out.tfevents.{number:010d}.host.{tag.replace('/', '.')}"


def _write(path, values, *, start, time):
    events = [event_pb2.Event(wall_time=time, file_version="brain.Event:2")]
    if start is not None:
        events.append(event_pb2.Event(wall_time=time, step=start, session_log=START))
    for step, value in values.items():
        events.append(event_pb2.Event(wall_time=time, step=step, summary=summary_pb2.Summary(value=[value])))
    with path.open("wb") as file:
        for event in events:
            RecordWriter(file).write(event.SerializeToString())
    return path


def small_png(shade):
    """A PNG 4 wide and 3 high, of one `shade` from 0 to 1."""
    png = io.BytesIO()
    matplotlib.image.imsave(png, np.full([3, 4, 3], shade), format="png")
    return png.getvalue()


def session(**changes):
    """One start of a run, as the fields of `run_record.Session`."""
    flags = {"batch_size": 64, "boundaries": [100], "data_dir": None, "dataset": "cifar10", "network": "resnet18"}
    values = {
        "started": "2024-05-06T07:08:09.000+00:00",
        "host": "a-host",
        "pid": 4242,
        "flags": {**flags, "train_steps": 400, "values": [0.1, 0.01]},
        "git_commit": "0123abc+",
        "versions": {"python": "3.11.7", "tensorflow": "2.15.1"},
    }
    return {**values, **changes}


def record(**changes):
    """A record of one start, with a boundary at step 100 and no change."""
    values = {
        "hyper_parameters": {"batch_size": 64, "boundaries": [100], "dataset": "cifar10", "values": [0.1, 0.01]},
        "rate_names": {"boundaries", "values", "warmup"},
        "sessions": [session()],
        "changes": [],
    }
    return report.Record(**{**values, **changes})


def curve(points):
    return report.Curve(np.array(list(points), np.int64), np.array(list(points.values()), np.float64))


def losses(train, validation=None):
    splits = [{tags.LOSS: curve(points)} if points else {} for points in (train, validation)]
    return report.Curves(*splits)


def rising(stop, every=2):
    """A curve whose value at a step is the step, so that a mean tells which steps went into it."""
    return curve({step: step for step in range(every, stop + 1, every)})


def cliff(stop=200, every=2, boundary=100):
    """Loss 1, then 0.5; accuracy 0.4, then 0.7; learning rate 0.1, then 0.01 (float32, as event files hold it)."""
    steps = np.arange(every, stop + 1, every)
    high, low = float(np.float32(0.1)), float(np.float32(0.01))
    levels = {tags.LOSS: [1.0, 0.5], tags.ACCURACY: [0.4, 0.7], tags.LEARNING_RATE: [high, low]}
    train = {tag: report.Curve(steps, np.where(steps <= boundary, pair[0], pair[1])) for tag, pair in levels.items()}
    validation = {tag: report.Curve(train[tag].steps[9::10], train[tag].values[9::10] + 0.1) for tag in list(train)[:2]}
    return report.Curves(train, validation)


def with_train(curves, tag, points):
    return dataclasses.replace(curves, train={**curves.train, tag: curve(points)})


def catch_pictures(monkeypatch):
    """A list to which every figure is added that is saved from now on."""
    pictures, save = [], Figure.savefig

    def catch_and_save(picture, *arguments, **options):
        pictures.append(picture)
        save(picture, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", catch_and_save)
    return pictures


def only(found):
    """What was found, where None would be a failure."""
    assert found is not None
    return found
