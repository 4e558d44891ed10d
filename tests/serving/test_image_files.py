import os

import pytest

from serving import image_files
from serving.results import Failure
from settings import UserError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found_in(folder):
    return [os.path.relpath(str(path), folder) for path in image_files.find([str(folder)])]


def test_a_folder_is_walked_to_its_depths_by_name(tmp_path):
    touch(tmp_path, "b/z.png", "b/a/deep.png", "c.png", "a.png", "b/y.png")
    assert found_in(tmp_path) == ["a.png", "b/a/deep.png", "b/y.png", "b/z.png", "c.png"]


def test_of_a_folder_files_with_an_images_extension_count(tmp_path):
    images = ["1.png", "2.JPG", "3.jpeg", "4.Gif", "5.bmp", "6.webp", "7.tif", "8.tiff"]
    touch(tmp_path, *images, "notes.txt", "png", ".hidden.png", ".cache/a.png", "model.png.index")
    (tmp_path / "folder.png").mkdir()
    assert found_in(tmp_path) == images


def test_links_in_a_folder_lead_to_files_and_in_no_circles(tmp_path):
    touch(tmp_path, "folder/a.png")
    (tmp_path / "folder" / "circle").symlink_to(tmp_path / "folder")
    (tmp_path / "folder" / "link.png").symlink_to(tmp_path / "folder" / "a.png")
    (tmp_path / "folder" / "nowhere.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "way_in").symlink_to(tmp_path / "folder")
    assert found_in(tmp_path / "way_in") == ["a.png", "link.png"]


def test_paths_keep_their_order_and_a_file_named_needs_no_extension(tmp_path):
    touch(tmp_path, "z", "folder/a.png")
    paths = [str(tmp_path / "z"), str(tmp_path / "folder"), str(tmp_path / "folder/a.png")]
    image_files.check(paths)
    assert list(image_files.find(paths)) == [paths[0], paths[2], paths[2]]


def test_files_are_found_one_folder_at_a_time(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.png", "b/2.png")
    scanned = []
    scandir = os.scandir

    def watched(folder):
        scanned.append(os.path.basename(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", watched)
    assert next(image_files.find([str(tmp_path)])) == f"{tmp_path}/a/1.png"
    assert scanned == [tmp_path.name, "a"]


def test_a_folder_that_cannot_be_read_is_told_and_passed_over(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.png", "b/2.png")
    scandir = os.scandir

    def guarded(folder):
        if os.path.basename(folder) == "a":
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    assert list(image_files.find([str(tmp_path)])) == [
        Failure(f"{tmp_path}/a", "the folder cannot be read (Permission denied)"),
        f"{tmp_path}/b/2.png",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.png", "there is no file or folder '{}/missing.png'"),
        ("empty", "the folder '{}/empty' holds no images"),
        ("pipe", "'{}/pipe' is neither a file nor a folder"),
    ],
)
def test_paths_without_images_are_refused(tmp_path, path, message):
    touch(tmp_path, "good.png", "empty/notes.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError) as error:
        image_files.check([str(tmp_path / "good.png"), str(tmp_path / path)])
    assert str(error.value).startswith(message.format(tmp_path))


def test_no_paths_are_refused():
    with pytest.raises(UserError, match="no images are given"):
        image_files.check([])
