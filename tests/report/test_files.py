"""Files are whole, or not there."""

import struct

import pytest
from matplotlib.figure import Figure

import report
from report.files import write_text
from settings import UserError
from tests.report.makers import cliff


class TestDraw:
    def draw(self, path):
        report.draw(cliff(), [100], str(path), from_step=0, title="a run")

    def test_the_file_is_a_png_of_sane_size_and_nothing_is_left_beside_it(self, tmp_path):
        self.draw(tmp_path / "report.png")
        content = (tmp_path / "report.png").read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert 20_000 < len(content) < 500_000
        width, height = struct.unpack(">II", content[16:24])
        assert width == 1800
        assert 600 < height < 1000
        assert [path.name for path in tmp_path.iterdir()] == ["report.png"]

    def test_a_failed_drawing_leaves_the_old_file(self, tmp_path, monkeypatch):
        def half_a_figure(_, path, **options):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        (tmp_path / "report.png").write_bytes(b"old")
        monkeypatch.setattr(Figure, "savefig", half_a_figure)
        with pytest.raises(UserError, match="No space left on device; give a directory"):
            self.draw(tmp_path / "report.png")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]

    def test_a_place_that_cannot_be_written_is_an_error_that_names_it(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(UserError, match=r"cannot write the figure .*file/report\.png'"):
            self.draw(tmp_path / "file" / "report.png")


def test_text_is_written_over_the_old_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "table.md").write_text("an old and longer table")
    write_text("new", str(tmp_path / "table.md"), what="table")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("table.md", "new")]


def test_text_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    with pytest.raises(UserError, match=r"cannot write the table .*nowhere/table\.md'.*give a directory"):
        write_text("new", str(tmp_path / "nowhere" / "table.md"), what="table")


def test_what_is_no_character_is_written_as_its_code(tmp_path):
    write_text("\u2192 \udcff", str(tmp_path / "page.html"), what="report")
    assert (tmp_path / "page.html").read_bytes() == b"\xe2\x86\x92 \\udcff"
