"""Finds a data set with tensorflow-datasets and prepares it where that is still to be done, one process at a time."""

import contextlib
import datetime
import io
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

import locks
from input_fn import shapes10  # noqa: F401 (registers the embedded data set with tfds by being imported)
from settings import Data, UserError

# tfds retries a failed connection ten times, which makes a machine without a network wait for 200 s.
downloader.MAX_RETRIES = 3


def prepared_builder(data: Data) -> tfds.core.DatasetBuilder:
    """The builder of the data set, which is prepared. Of several processes at once one prepares it, the others wait.

    Raises:
      UserError: unknown data set; a directory that cannot be read or written; no data and no network.
    """
    builder = _builder(data)
    if builder.is_prepared():
        return builder
    with _locked(builder, data):
        builder = _builder(data)
        if not builder.is_prepared():
            _prepare(builder, data)
    if not builder.is_prepared():
        raise UserError(
            f"{builder.data_dir} holds no whole data set (its dataset_info.json is missing);"
            " remove the folder and prepare the data set again, or give another --data_dir"
        )
    return builder


def _builder(data: Data) -> tfds.core.DatasetBuilder:
    try:
        return tfds.builder(data.dataset, data_dir=data.data_dir)
    except tfds.core.DatasetNotFoundError as error:
        folder = _folder(data)
        there = f"{folder} is there and holds no whole one; " if folder.is_dir() else ""
        raise UserError(
            f"--dataset={data.dataset}: tensorflow-datasets knows no such data set; {there}give the name of one of its"
            " image classification data sets, such as cifar10, cifar100 or svhn_cropped, or shapes10, which is built in"
        ) from error
    except Exception as error:  # tfds raises whatever reading a damaged folder raises.
        folder = _folder(data)
        raise UserError(
            f"cannot read data set {data.dataset} in {folder} ({_garbled(folder)}{one_line(error)});"
            " remove that folder and prepare the data set again, or give another --data_dir"
        ) from error


def _folder(data: Data) -> Path:
    """Where the data set is looked for, in all its versions."""
    root = Path(data.data_dir or tfds.core.constants.DATA_DIR).expanduser()
    return root / data.dataset.split("/")[0].split(":")[0]


def _garbled(folder: Path) -> str:
    """Which of the data set's JSON files is no JSON, if any: tfds does not name it."""
    for path in sorted(folder.rglob("*.json")):
        try:
            json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return f"{path} is no JSON: "
    return ""


@contextlib.contextmanager
def _locked(builder: tfds.core.DatasetBuilder, data: Data) -> Iterator[None]:
    root = Path(builder.data_dir_root)

    def before_waiting(holder: str) -> None:
        tell(f"Waiting for the data set {data.dataset}, which is being prepared in {root} by {holder}")

    def tell(line: str) -> None:
        print(line, flush=True)

    since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with contextlib.ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            path = root / f".{builder.name}.lock"
            stack.enter_context(locks.held(path, since=since, tell=tell, before_waiting=before_waiting))
        except OSError as error:
            raise _cannot_write(builder, data, error) from error
        yield


def _prepare(builder: tfds.core.DatasetBuilder, data: Data) -> None:
    print(f"Preparing data set {data.dataset} in {builder.data_dir}", flush=True)
    tfds.disable_progress_bar()
    try:
        # tfds prints sizes that it mostly does not know.
        with contextlib.redirect_stdout(_OfOtherThreads()):
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=data.manual_dir))
    except (PermissionError, NotADirectoryError, FileExistsError, tf.errors.PermissionDeniedError) as error:
        raise _cannot_write(builder, data, error) from error
    except Exception as error:  # Any of the network's, the archive's or the builder's own.
        archives = ", ".join(info.filename for info in (builder.url_infos or {}).values() if info.filename)
        raise UserError(
            f"cannot prepare data set {data.dataset} ({one_line(error)}): without a network, give"
            f" --data_dir with a folder that holds it prepared, --manual_dir with a folder that holds its official"
            f" archive{f' ({archives})' if archives else ''}, or --dataset=shapes10, which needs no download"
        ) from error


class _OfOtherThreads(io.TextIOBase):
    """Standard output to all threads but the one that makes it, whose words are lost."""

    def __init__(self) -> None:
        self._output, self._silent = sys.stdout, threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._silent else self._output.write(text)

    def flush(self) -> None:
        self._output.flush()


def _cannot_write(builder: tfds.core.DatasetBuilder, data: Data, error: Exception) -> UserError:
    return UserError(
        f"cannot write data set {data.dataset} to {builder.data_dir} ({one_line(error)});"
        " give a --data_dir that you may write to"
    )


def one_line(error: Exception) -> str:
    """The first telling line of an error, without TensorFlow's trail of graph nodes and of source lines."""
    _, _, after_trail = str(error).partition("\nNode: ")
    lines = [line.split("[[")[0].strip() for line in (after_trail or "\n" + str(error)).split("\n")[1:]]
    telling = [line for line in lines if line and not line.startswith("Graph execution error")]
    return telling[0][:300] if telling else type(error).__name__
