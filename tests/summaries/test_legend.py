from summaries import tags
from summaries.descriptions import described
from summaries.legend import legend


def test_every_tag_has_a_row():
    rows = legend().splitlines()[2:]
    assert len(rows) == sum(name.isupper() for name in vars(tags))
    assert rows[0] == f"| `{tags.LOSS}` | Loss | {described(tags.LOSS).text} |"


def test_a_group_has_one_row_and_what_is_not_written_none():
    written = [tags.LEARNING_RATE, *(tags.of(tags.CLASS_ACCURACY, name) for name in "ab")]
    rows = legend(written).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [tags.LEARNING_RATE, tags.CLASS_ACCURACY]
