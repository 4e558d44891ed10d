import numpy as np
import pytest

from summaries import descriptions, events, tags
from summaries.png import pixels_png
from tests.summaries.reading import CONTEXT, fast_reader, python_reader, soon, write

CONSTANTS = [value for name, value in vars(tags).items() if name.isupper()]
PNG = pixels_png(np.zeros([5, 7, 3], np.uint8))


@pytest.mark.parametrize("tag", CONSTANTS)
def test_every_tag_and_group_is_described(tag):
    description = descriptions.described(tag)
    assert description.display_name[0].isupper()
    assert description.text.endswith(".")


def test_no_two_tags_are_described_alike():
    found = [descriptions.described(tag) for tag in CONSTANTS]
    assert len({each.display_name for each in found}) == len({each.text for each in found}) == len(CONSTANTS)


def test_a_tag_of_a_group_has_its_text_and_names_its_part():
    cat = descriptions.described(tags.of(tags.CLASS_ACCURACY, "cat/tom"))
    assert cat.text == descriptions.described(tags.CLASS_ACCURACY).text
    assert cat.display_name == "Accuracy by class: cat/tom"


@pytest.mark.parametrize("tag", ["lost", "loss_parts", "lost/part", "speed/of_light", "class_accuracy/"])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(KeyError, match=tag):
        descriptions.described(tag)


def test_scalars_are_described_when_asked_and_only_then():
    described, plain = (events.scalars({tags.LOSS: 1.0}, with_descriptions=asked).value[0] for asked in (True, False))
    assert described.metadata.summary_description == descriptions.described(tags.LOSS).text
    assert not plain.HasField("metadata")
    assert described.simple_value == plain.simple_value == 1.0


def write_run(folder):
    cat = tags.of(tags.CLASS_ACCURACY, "cat")
    write(
        folder,
        events.descriptions_alone([tags.ACCURACY]),
        events.scalars({tags.LOSS: 2.0, cat: 0.5}, with_descriptions=True),
        events.scalars({tags.LOSS: 1.0, tags.ACCURACY: 0.1}),
        events.image(tags.FILTERS, PNG),
    )
    found = {tag: descriptions.described(tag) for tag in (tags.LOSS, cat, tags.ACCURACY)}
    return {tag: (each.display_name, each.text) for tag, each in found.items()}


def check(reader, expected):
    def described_by(series):
        return {tag: (each.display_name, each.description) for tag, each in series["."].items()}

    of_plugin = {"experiment_id": "", "plugin_name": "images"}
    images = soon(lambda: reader.list_blob_sequences(CONTEXT, **of_plugin))
    filters = descriptions.described(tags.FILTERS)
    assert described_by(images) == {tags.FILTERS: (filters.display_name, filters.text)}
    [point] = reader.read_blob_sequences(CONTEXT, downsample=9, **of_plugin)["."][tags.FILTERS]
    assert [reader.read_blob(CONTEXT, blob_key=blob.blob_key) for blob in point.values] == [b"7", b"5", PNG]
    of_plugin = {"experiment_id": "", "plugin_name": "scalars"}
    assert described_by(reader.list_scalars(CONTEXT, **of_plugin)) == expected
    loss = reader.read_scalars(CONTEXT, downsample=9, **of_plugin)["."][tags.LOSS]
    assert [(point.step, point.value) for point in loss] == [(2, 2.0), (3, 1.0)]


def test_descriptions_arrive_in_tensorboard(tmp_path):
    expected = write_run(tmp_path)
    check(python_reader(tmp_path), expected)


def test_descriptions_arrive_through_the_fast_reader(tmp_path):
    """It drops the metadata of scalars and images that do not say their data class."""
    expected = write_run(tmp_path)
    with fast_reader(tmp_path) as reader:
        check(reader, expected)
