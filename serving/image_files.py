"""Which files: those named, and those with an image's extension in the folders named. Found one by one."""

import os
from collections.abc import Iterator, Sequence

from serving.results import Failure, one_line
from settings import UserError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")


def check(paths: Sequence[str]) -> None:
    """Finds what is wrong with `paths` before any of them is used.

    Raises:
      UserError: there is none; one does not exist, or is neither file nor folder; a folder has no image in it.
    """
    if not paths:
        raise UserError("no images are given; give files, or folders of files")
    for path in paths:
        if os.path.isdir(path):
            if not any(isinstance(found, str) for found in _walk(path)):
                raise UserError(
                    f"the folder {path!r} holds no images; give one with files whose names end in"
                    f" {', '.join(EXTENSIONS)}"
                )
        elif not os.path.exists(path):
            raise UserError(f"there is no file or folder {path!r}; give the path of an image, or of a folder of them")
        elif not os.path.isfile(path):
            raise UserError(f"{path!r} is neither a file nor a folder; give the path of an image, or of a folder")


def find(paths: Sequence[str]) -> Iterator[str | Failure]:
    """The files that `paths` stand for, in order: a file itself, of a folder all images in and below it, by name.

    A folder that cannot be read is a Failure. Links to folders are not followed, as they may lead in circles.
    """
    for path in paths:
        if os.path.isdir(path):
            yield from _walk(path)
        else:
            yield path


def _walk(folder: str) -> Iterator[str | Failure]:
    try:
        with os.scandir(folder) as entries:
            visible = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
    except OSError as error:
        yield Failure(folder, f"the folder cannot be read ({one_line(error)})")
        return
    for entry in visible:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif entry.name.lower().endswith(EXTENSIONS) and entry.is_file():
            yield entry.path
