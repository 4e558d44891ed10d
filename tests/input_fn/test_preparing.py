"""Data sets that are not there yet: where they come from, and who makes them where several processes need them."""

import os
import subprocess
import sys
import threading

import pytest
import tensorflow_datasets as tfds

import input_fn
import locks
from input_fn import shapes10
from settings import UserError
from tests.common import ROOT, make_data
from tests.input_fn.common import load


def test_no_data_and_no_network_names_the_three_ways_out(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise ConnectionError("Failed to resolve the host")

    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", no_network)
    with pytest.raises(UserError) as error:
        input_fn.describe(make_data(dataset="cifar10", data_dir=str(tmp_path)))
    message = str(error.value)
    assert "Failed to resolve the host" in message
    for way_out in ("--data_dir", "--manual_dir", "cifar-10-binary.tar.gz", "--dataset=shapes10"):
        assert way_out in message
    assert "\n" not in message


def test_manual_dir_takes_the_place_of_the_network(tmp_path, monkeypatch):
    """A small archive in the official one's form, name and (for this test) checksum is prepared without a download."""
    from tensorflow_datasets.core.download import checksums

    archive = _make_cifar10_archive(tmp_path / "manual")
    builder_class = tfds.builder_cls("cifar10")
    (url,) = builder_class.url_infos
    made = checksums.compute_url_info(archive)
    monkeypatch.setattr(builder_class, "url_infos", {url: made})
    data = make_data(dataset="cifar10", data_dir=str(tmp_path / "data"), manual_dir=str(tmp_path / "manual"))
    info = input_fn.describe(data)
    assert (info.num_train_examples, info.num_validation_examples) == (10, 2)
    assert sorted(input_fn.load(data, "train").labels) == sorted([0, 1] * 5)


def _make_cifar10_archive(folder):
    """Two records a file: a label byte and 3,072 pixel bytes each."""
    import io
    import tarfile

    folder.mkdir()
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        contents = {name: b"".join(bytes([label]) + bytes(3072) for label in (0, 1)) for name in names}
        contents["batches.meta.txt"] = b"\n".join(f"class{i}".encode() for i in range(10))
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "cifar-10-binary.tar.gz"


def test_a_data_directory_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write data set shapes10 to .*/file/.* give a --data_dir"):
        input_fn.describe(make_data(data_dir=str(tmp_path / "file" / "data")))


def few_examples(monkeypatch):
    monkeypatch.setattr(shapes10, "SPLIT_SIZES", {"train": 30, "test": 20})


# Prepares a shapes10 of few examples and loads it, once it is told to go.
PROCESS = """
import sys
import input_fn
from input_fn import shapes10
from tests.common import make_data

shapes10.SPLIT_SIZES.update(train=600, test=200)
print("ready", flush=True)
sys.stdin.readline()
data = make_data(data_dir=sys.argv[1])
input_fn.describe(data)
print(input_fn.load(data, "train").num_examples, flush=True)
"""


def started(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_of_two_processes_at_once_one_prepares_and_the_other_waits(tmp_path):
    data_dir = tmp_path / "data"
    processes = [started(PROCESS, data_dir) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    lines = sorted((output.splitlines(), process.pid) for (output, _), process in zip(said, processes, strict=True))
    (first, pid), (second, _) = lines
    assert first == [f"Preparing data set shapes10 in {data_dir}/shapes10/1.0.0", "600"]
    waiting, count = second
    by = f"Waiting for the data set shapes10, which is being prepared in {data_dir} by process {pid} of host "
    assert waiting.startswith(by) and count == "600"
    assert sorted(os.listdir(data_dir)) == [".shapes10.lock", "downloads", "shapes10"]
    assert os.listdir(data_dir / "shapes10") == ["1.0.0"]


# Is in the midst of preparing until it is killed.
STUCK = """
import sys
import input_fn
from input_fn import shapes10
from tests.common import make_data

def stop(split, index):
    print("stuck", file=sys.__stdout__, flush=True)
    sys.stdin.read()

shapes10.draw_example = stop
input_fn.describe(make_data(data_dir=sys.argv[1]))
"""


def test_what_a_killed_process_left_half_prepared_is_prepared_anew(tmp_path, monkeypatch, capsys):
    with started(STUCK, tmp_path) as process:
        assert "Preparing" in process.stdout.readline()
        assert process.stdout.readline() == "stuck\n"
        process.kill()
        process.wait()
    few_examples(monkeypatch)
    assert load(tmp_path, "train").num_examples == 30
    assert "Waiting" not in capsys.readouterr().out


def test_what_other_threads_say_meanwhile_is_heard(tmp_path, monkeypatch, capsys):
    """TensorBoard's address, say. What tfds itself says is not."""

    def prepare(self, **_):
        print("sizes that it does not know")
        thread = threading.Thread(target=print, args=["TensorBoard: http://localhost:6006"])
        thread.start()
        thread.join()
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", prepare)
    with pytest.raises(UserError, match="no network"):
        input_fn.describe(make_data(data_dir=str(tmp_path)))
    assert capsys.readouterr().out.splitlines()[1:] == ["TensorBoard: http://localhost:6006"]


def test_a_prepared_data_set_needs_no_lock(small, monkeypatch):
    """It may stand where nobody may write."""

    def refuse(*_, **__):
        raise AssertionError("a lock was asked for")

    monkeypatch.setattr(locks, "held", refuse)
    assert load(small.parent.parent, "train").num_examples == 30


def test_a_lock_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / ".shapes10.lock").mkdir()
    with pytest.raises(UserError, match=r"cannot write data set shapes10 to .*Is a directory: .*/\.shapes10\.lock"):
        input_fn.describe(make_data(data_dir=str(tmp_path)))


def test_a_folder_that_holds_no_whole_data_set_is_named(tmp_path):
    folder = tmp_path / "shapes10" / "1.0.0"
    folder.mkdir(parents=True)
    with pytest.raises(UserError, match=f"{folder} holds no whole data set .*remove the folder"):
        input_fn.describe(make_data(data_dir=str(tmp_path)))
