"""Archives of data sets are tensorflow-datasets' to unpack. That it keeps inside of their folder is held here."""

import io
import tarfile
import zipfile

import pytest
import tensorflow_datasets as tfds


def tar(path):
    """A file as it should be, two that want out, and a link that leads out with a file behind it."""
    with tarfile.open(path, "w:gz") as archive:
        for name in ("inside.bin", "../beside.bin", f"{path.parent}/absolute.bin"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"data"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(path.parent)
        archive.addfile(link)
        behind = tarfile.TarInfo("link/behind.bin")
        behind.size = 4
        archive.addfile(behind, io.BytesIO(b"data"))


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("inside.bin", "../beside.bin", f"{path.parent}/absolute.bin"):
            archive.writestr(name, "data")


@pytest.mark.parametrize(("name", "make"), [("archive.tar.gz", tar), ("archive.zip", zipped)])
def test_no_file_comes_out_of_its_folder(tmp_path, name, make):
    outside = tmp_path / "downloads"
    outside.mkdir()
    make(outside / name)
    manager = tfds.download.DownloadManager(
        download_dir=str(outside), extract_dir=str(tmp_path / "extracted"), dataset_name="any"
    )
    extracted = manager.extract(outside / name)
    assert (extracted / "inside.bin").read_bytes() == b"data"
    for escaped in ("beside.bin", "absolute.bin", "behind.bin"):
        found = [path for path in tmp_path.rglob(escaped) if not path.is_relative_to(tmp_path / "extracted")]
        assert not found, f"{escaped} came out of the archive's folder"
    assert {path.name for path in outside.iterdir()} <= {name}
