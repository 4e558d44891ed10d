"""What is printed of an evaluation, and what is written as JSON."""

import json
import math

import numpy as np
import pytest

import report
from tests.report.evaluations import BY_HAND, LABELS, NAMES, certain, random_sample


def lines_of(log_probabilities, labels, names):
    return report.evaluation_text(report.assess(log_probabilities, np.asarray(labels), names)).splitlines()


class TestText:
    def test_whole(self):
        assert lines_of(BY_HAND, LABELS, NAMES) == [
            "Examples:      4, 3 classes",
            "Accuracy:      50.00%",
            "Cross-entropy: 1.4137 nats",
            "Confidence:    66.00% on average, 16.00 points above accuracy",
            "Calibration:   expected error 56.00%, maximum 82.00% (in a bin of 1 example)",
            "",
            "class, worst F1 first  mostly taken for  examples  recall  precision     F1",
            "cow                    bee (1)                  1    0.0%          -   0.0%",
            "bee                    -                        1  100.0%      33.3%  50.0%",
            "ant                    bee (1)                  2   50.0%     100.0%  66.7%",
            "",
            "commonest confusions  taken for  examples  of the class",
            "ant                   bee               1         50.0%",
            "cow                   bee               1        100.0%",
        ]

    def test_top_5_is_told_where_there_is_one(self):
        log_probabilities, labels = random_sample()
        found = report.assess(log_probabilities, labels, list("abcdefgh"))
        assert found.top_5_accuracy is not None
        assert report.evaluation_text(found).splitlines()[1] == (
            f"Accuracy:      {100 * found.accuracy:.2f}% (top-5: {100 * found.top_5_accuracy:.2f}%)"
        )

    def test_a_class_without_examples_comes_last(self):
        table = lines_of(certain([1, 1, 0], 3), [0, 2, 0], NAMES)[7:10]
        assert [line.split()[0] for line in table] == ["cow", "ant", "bee"]
        assert table[2].split() == ["bee", "-", "0", "-", "0.0%", "0.0%"]

    def test_the_commonest_confusions_come_first_and_are_ten_at_most(self):
        true = [0] * 3 + [1] * 5 + [2] * 5 + list(range(3, 12))
        predicted = [1] * 3 + [2] * 4 + [1] + [2] * 5 + [0] * 9
        lines = lines_of(certain(predicted, 12), true, [f"c{i}" for i in range(12)])
        rows = [line.split() for line in lines[lines.index("") :]]
        start = next(i for i, row in enumerate(rows) if row[:2] == ["commonest", "confusions"])
        assert rows[start + 1 : start + 4] == [
            ["c1", "c2", "4", "80.0%"],
            ["c0", "c1", "3", "100.0%"],
            ["c3", "c0", "1", "100.0%"],
        ]
        assert len(rows[start + 1 :]) == 10

    def test_a_classifier_without_mistakes_has_no_confusions(self):
        assert lines_of(certain([0, 1], 3), [0, 1], NAMES)[-1] == "No example is taken for another class."

    def test_a_diverged_network_is_told(self):
        lines = lines_of(np.full([2, 3], np.nan), [0, 1], NAMES)
        assert lines[2:4] == [
            "Cross-entropy: nan nats",
            "Calibration:   unknown, the network gives probabilities that are no numbers",
        ]

    @pytest.mark.parametrize(("num_classes", "most_lines"), [(10, 29), (20, 39), (21, 40), (1000, 40)])
    def test_few_classes_fill_a_screen_and_many_hardly_more(self, num_classes, most_lines):
        random = np.random.RandomState(0)
        labels, predicted = random.randint(0, num_classes, [2, 3000])
        names = [f"a rather long name of a class, which number {i:,} has" for i in range(num_classes)]
        lines = lines_of(certain(predicted, num_classes), labels, names)
        assert len(lines) == most_lines
        assert max(map(len, lines)) <= 120
        assert (f"({num_classes - 20:,} more class{'es' if num_classes > 21 else ''})" in lines) == (num_classes > 20)


class TestJson:
    def test_survives_a_round_trip(self):
        log_probabilities, labels = random_sample()
        found = report.evaluation_json(report.assess(log_probabilities, labels, list("abcdefgh")))
        assert json.loads(json.dumps(found, allow_nan=False)) == found

    def test_holds_what_was_found_under_keys_in_order(self):
        evaluation = report.assess(BY_HAND, LABELS, NAMES)
        found = json.loads(json.dumps(report.evaluation_json(evaluation)))
        classes, bins = found.pop("classes"), found.pop("calibration_bins")
        assert list(found.items()) == [
            ("examples", 4),
            ("cross_entropy", evaluation.cross_entropy),
            ("accuracy", 0.5),
            ("top_5_accuracy", None),
            ("expected_calibration_error", evaluation.calibration.expected_error),
            ("maximum_calibration_error", evaluation.calibration.maximum_error),
            ("mean_confidence", evaluation.calibration.confidence),
            ("confusion_matrix", [[1, 1, 0], [0, 1, 0], [0, 1, 0]]),
        ]
        names = ("name", "examples", "recall", "precision", "f1", "taken_for", "taken_for_examples")
        assert list(classes[2].items()) == list(zip(names, ("cow", 1, 0.0, None, 0.0, "bee", 1), strict=True))
        assert [each["name"] for each in classes] == NAMES
        assert len(bins) == 15
        assert bins[0] == {"lower": 0.0, "upper": 1 / 15, "examples": 0, "confidence": None, "accuracy": None}
        assert (bins[7]["examples"], bins[7]["accuracy"]) == (1, 1.0)

    def test_of_a_diverged_network_has_null_where_there_is_no_number(self):
        for value in (np.nan, -np.inf):
            evaluation = report.assess(np.full([2, 3], value), np.array([0, 1]), NAMES)
            assert not math.isfinite(evaluation.cross_entropy)
            found = json.loads(json.dumps(report.evaluation_json(evaluation), allow_nan=False))
            assert found["cross_entropy"] is None
