"""Prepared data sets harmed in many ways: each ends in one line that names the file, and the record if it is one."""

import os
import random
import re

import pytest

from input_fn import damage
from settings import UserError
from tests.input_fn.common import (
    SHARDS,
    TEST_FILE,
    TRAIN_FILES,
    data_dir_of,
    edit_record,
    load,
    png,
    read_records,
    refusal,
    rename_to_one_without_code,
    write_records,
)

FIRST, SECOND = TRAIN_FILES


def set_image(image):
    def edit(features):
        features["image"].bytes_list.value[0] = image

    return edit


def set_label(label):
    def edit(features):
        features["label"].int64_list.value[0] = label

    return edit


def remove(name):
    return lambda features: features[name].Clear()


def rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))


def flip(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def put_in_place(path, make):
    path.unlink()
    make(path)


def half_of(content):
    return content[: len(content) // 2]


def test_a_data_set_in_two_files_is_read_whole(small):
    """What the damages below start from."""
    assert load(data_dir_of(small), "train").num_examples == sum(SHARDS)
    assert load(rename_to_one_without_code(small).parent.parent, "train", dataset="strange").num_examples == sum(SHARDS)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (os.unlink, "is missing or cannot be read, and its dataset_info.json lists it"),
        (lambda path: put_in_place(path, os.mkdir), "is missing or cannot be read"),
        (lambda path: put_in_place(path, os.mkfifo), "is missing or cannot be read"),
        (lambda path: rewrite(path, lambda content: b""), "of 0 bytes cannot hold the 18 examples"),
        (lambda path: rewrite(path, lambda content: b"no records " * 1000), r"is corrupt after record 0 \("),
        (lambda path: rewrite(path, half_of), r"is corrupt after record \d+ \("),
        (lambda path: rewrite(path, lambda content: content[:-1]), r"is corrupt after record 17 \("),
        (lambda path: rewrite(path, lambda content: flip(content, 0)), r"is corrupt after record 0 \("),
        (lambda path: rewrite(path, lambda content: flip(content, -5)), r"is corrupt after record 17 \("),
        (
            lambda path: write_records(path, read_records(path)[:-7]),
            "holds 11 records and its dataset_info.json says 18",
        ),
        (
            lambda path: write_records(path, read_records(path) * 2),
            "holds 36 records and its dataset_info.json says 18",
        ),
    ],
    ids=[
        *("missing", "a folder", "a pipe", "empty", "no records", "half", "a byte short"),
        *("length flipped", "end flipped", "fewer records", "more records"),
    ],
)
def test_a_harmed_file_is_named(small, harm, message):
    harm(small / SECOND)
    assert re.search(f"data file {small / SECOND} {message}", refusal(data_dir_of(small)))


def test_a_file_that_vanishes_between_the_check_and_the_reading_is_named(small, monkeypatch):
    def check_and_lose(info):
        check(info)
        (small / SECOND).unlink(missing_ok=True)

    check = damage.check_files
    monkeypatch.setattr(damage, "check_files", check_and_lose)
    assert f"data file {small / SECOND} is missing or cannot be read" in refusal(data_dir_of(small))


def test_a_file_that_can_be_read_the_second_time_is_said_to_change(small, monkeypatch):
    """Another process replaces a harmed file while its fault is looked for."""
    whole = (small / SECOND).read_bytes()
    rewrite(small / SECOND, half_of)

    def look(*arguments, **options):
        (small / SECOND).write_bytes(whole)
        return what_is_broken(*arguments, **options)

    what_is_broken = damage.what_is_broken
    monkeypatch.setattr(damage, "what_is_broken", look)
    assert re.search(f"reading {small} failed .* and then did not", refusal(data_dir_of(small)))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (set_image(b"no image"), "cannot be decoded"),
        (set_image(b""), "cannot be decoded"),
        (set_image(half_of(png(32))), "cannot be decoded"),
        (set_image(png(16)), r"cannot be decoded \(.*32,32,3.*16,16,3"),
        (remove("image"), "cannot be decoded .*image.* is required"),
        (remove("label"), "cannot be decoded .*label.* is required"),
        (lambda features: features["image"].int64_list.value.append(1), "cannot be decoded"),
        (lambda features: features["label"].int64_list.value.append(1), "cannot be decoded"),
        (set_label(10), "has label 10, and the classes are 0 to 9"),
        (set_label(-1), "has label -1, and the classes are 0 to 9"),
        (set_label(2**32 + 3), "has label 4294967299, and the classes are 0 to 9"),
    ],
    ids=[
        *("no image", "nothing", "half an image", "small image", "image missing", "label missing"),
        *("image a number", "two labels", "label 10", "label -1", "label that int32 cannot hold"),
    ],
)
@pytest.mark.parametrize(("file", "number", "split"), [(FIRST, 12, "train"), (SECOND, 5, "train[50%:]")])
def test_a_harmed_record_is_named_with_its_file(small, edit, message, file, number, split):
    edit_record(small / file, number, edit)
    assert re.search(f"^record {number} of data file {small / file} {message}", refusal(data_dir_of(small), split))


def test_images_that_are_all_of_another_size_are_noticed(small):
    """TensorFlow batches them without a word."""
    for number in range(1, 21):
        edit_record(small / TEST_FILE, number, set_image(png(16)))
    found = refusal(data_dir_of(small), "test")
    assert f"record 1 of data file {small / TEST_FILE} cannot be decoded" in found


def test_a_record_that_is_no_example_is_named(small):
    records = read_records(small / SECOND)
    write_records(small / SECOND, [*records[:3], b"\xff\xff\xff", *records[4:]])
    assert f"record 4 of data file {small / SECOND} cannot be decoded" in refusal(data_dir_of(small))


def test_harm_outside_of_the_split_in_use_does_not_matter(small):
    edit_record(small / SECOND, 18, set_image(b"no image"))
    edit_record(small / SECOND, 17, set_label(10))
    assert load(data_dir_of(small), "train[:50%]").num_examples == 15


def test_any_flipped_byte_of_a_record_gives_a_split_or_one_line(small):
    """With checksums that are right all the same, as where memory was at fault when they were made."""
    rng = random.Random(3)
    records = read_records(small / TEST_FILE)
    refusals = []
    for _ in range(8):
        number = rng.randrange(len(records))
        record = bytearray(records[number])
        record[rng.randrange(len(record))] = rng.randrange(256)
        write_records(small / TEST_FILE, [*records[:number], bytes(record), *records[number + 1 :]])
        try:
            assert load(data_dir_of(small)).labels.max() < 10
        except UserError as error:
            refusals.append((f"record {number + 1} of data file {small / TEST_FILE}", str(error)))
    assert refusals
    assert [refusal for place, refusal in refusals if not refusal.startswith(place)] == []
