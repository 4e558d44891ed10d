"""What a range test suggests, on curves whose answer is known."""

import numpy as np
import pytest

import report
from report.range_test import smoothed_curve
from settings import UserError
from tests.report.makers import catch_pictures, only

DECADES = np.linspace(-6, 1, 200)
RATES = 10**DECADES


def course(decades):
    """Level at 2.3, steepest at 10**-2.5, lowest a little above 10**-1, exploding after 1."""
    return 2.3 - 1.3 / (1 + np.exp(-(decades + 2.5) / 0.3)) + 10 ** (3 * decades)


def noise(size, seed, spread):
    return spread * np.random.RandomState(seed).randn(size)


def true_answer():
    """log10 of the steepest and of the lowest rate, from the course itself on a fine grid."""
    fine = np.linspace(-6, 0, 60_001)
    losses = course(fine)
    return fine[np.argmin(np.gradient(losses, fine))], fine[np.argmin(losses)]


class TestSmooth:
    def test_is_the_weighted_mean_with_weights_that_sum_to_one(self):
        values = noise(30, 0, 1.0)
        for i, mean in enumerate(report.smooth(values, beta=0.8)):
            weights = 0.8 ** np.arange(i, -1, -1)
            assert mean == pytest.approx(np.sum(weights * values[: i + 1]) / weights.sum())

    def test_a_constant_stays_what_it_is_from_the_first_on(self):
        assert report.smooth(np.full(50, 3.0)) == pytest.approx(np.full(50, 3.0))

    @pytest.mark.parametrize(("size", "beta"), [(400, 0.95), (200, 0.9), (20, 0.0), (5, 0.0)])
    def test_a_twentieth_of_the_values_is_averaged(self, size, beta):
        values = noise(size, 1, 1.0)
        assert report.smooth(values) == pytest.approx(report.smooth(values, beta=beta))

    def test_a_mean_stands_over_the_values_that_went_into_it(self):
        at, means = smoothed_curve(RATES, 5.0 - DECADES)
        assert means == pytest.approx(5.0 - np.log10(at))


class TestSuggest:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("size", [60, 200, 400])
    def test_a_fall_and_an_explosion_give_both_rates(self, size, seed):
        decades = np.linspace(-6, 0.7, size)
        suggestion = only(report.suggest(10**decades, course(decades) + noise(size, seed, 0.05)))
        steepest, lowest = true_answer()
        assert np.log10(suggestion.steepest) == pytest.approx(steepest, abs=0.3)
        assert np.log10(suggestion.largest_stable) == pytest.approx(lowest, abs=0.5)

    @pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
    def test_nothing_counts_from_the_first_loss_that_is_not_finite(self, broken):
        losses = course(DECADES) + noise(200, 0, 0.05)
        losses[180], losses[181:] = broken, 0.0
        assert report.suggest(RATES, losses) == report.suggest(RATES[:180], losses[:180])

    def test_a_huge_finite_loss_does_not_matter(self):
        losses = course(DECADES) + noise(200, 0, 0.05)
        steepest, lowest = true_answer()
        suggestion = only(report.suggest(RATES, np.where(DECADES > 0.2, 1e30, losses)))
        assert np.log10(suggestion.steepest) == pytest.approx(steepest, abs=0.3)
        assert np.log10(suggestion.largest_stable) == pytest.approx(lowest, abs=0.5)

    def test_one_loss_that_happens_to_be_low_is_not_the_lowest(self):
        losses = course(DECADES) + noise(200, 3, 0.02)
        losses[70] = 0.9
        _, lowest = true_answer()
        assert np.log10(only(report.suggest(RATES, losses)).largest_stable) == pytest.approx(lowest, abs=0.5)

    def test_a_loss_that_only_falls_is_stable_to_the_end(self):
        suggestion = only(report.suggest(RATES, 3 - 0.2 * DECADES + noise(200, 0, 0.02)))
        assert suggestion.largest_stable == pytest.approx(smoothed_curve(RATES, RATES)[0][-1], rel=0.3)
        assert suggestion.steepest < suggestion.largest_stable

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("spread", [0.0, 0.02, 0.3])
    def test_nothing_where_the_loss_stays_level_or_only_rises(self, seed, spread):
        level = 2.3 + noise(200, seed, spread)
        assert report.suggest(RATES, level) is None
        assert report.suggest(RATES, level + 10 ** (3 * DECADES)) is None
        assert report.suggest(RATES, level + 0.3 * DECADES) is None

    def test_nothing_of_fewer_than_ten_losses(self):
        falling = 10.0 - np.arange(20) ** 1.5 / 10
        assert report.suggest(RATES[:20], falling)
        assert report.suggest(RATES[:10], falling[:10])
        assert report.suggest(RATES[:9], falling[:9]) is None
        assert report.suggest(RATES, np.full(200, np.nan)) is None


class TestText:
    def text(self, losses):
        return report.range_test_text(RATES, losses, report.suggest(RATES, losses))

    def test_whole(self):
        rates, losses = (
            np.array([1e-4, 1e-3, 1e-2, 0.5, 2]),
            np.array([2.0, 1.7, 1.3, 1.21, np.inf]),
        )  # Too few to smooth.
        suggestion = report.Suggestion(steepest=0.031623, largest_stable=0.5)
        assert report.range_test_text(rates, losses, suggestion).splitlines() == [
            "Range:  0.0001 to 2 in 5 steps; from 2 on the loss was not finite",
            "Lowest: loss 1.21 (smoothed) at rate 0.5, the largest stable one",
            "To try:",
            "  Steepest descent:    --learning_rate=0.032 or, stepping down, --values=0.032,0.0032",
            "  Largest stable / 10: --learning_rate=0.05 or, stepping down, --values=0.05,0.005",
        ]

    def test_a_loss_that_still_falls_at_the_end_is_told(self):
        assert "still fell at the end" in self.text(3 - 0.2 * DECADES)
        assert "still fell" not in self.text(course(DECADES))

    @pytest.mark.parametrize("losses", [np.full(200, 2.3), np.full(200, np.nan)])
    def test_without_a_suggestion_it_says_what_to_do(self, losses):
        lines = self.text(losses).splitlines()
        assert lines[-1].startswith("No rate to suggest: the loss did not clearly fall. Widen the range")
        assert "--" not in "".join(lines)


class TestDraw:
    @pytest.fixture
    def drawn(self, monkeypatch, tmp_path):
        def draw(losses):
            pictures = catch_pictures(monkeypatch)
            path = tmp_path / "range.png"
            report.draw_range_test(RATES, losses, report.suggest(RATES, losses), path=str(path), title="a test")
            assert path.read_bytes().startswith(b"\x89PNG")
            (ax,) = pictures[0].axes
            return ax

        return draw

    def test_both_rates_and_a_tenth_are_marked_and_labelled(self, drawn):
        losses = course(DECADES) + noise(200, 0, 0.05)
        ax, suggestion = drawn(losses), only(report.suggest(RATES, losses))
        marked = [line.get_xdata()[0] for line in ax.lines[2:]]
        assert marked == [suggestion.largest_stable, suggestion.largest_stable / 10, suggestion.steepest]
        names = [text.get_text().split(":")[0] for text in ax.texts]
        assert names == ["largest stable", "largest stable / 10", "steepest descent"]
        assert [text.xy[0] for text in ax.texts] == marked
        assert len({text.xyann[1] for text in ax.texts}) == 3  # Each in a row of its own.
        assert ax.get_xscale() == "log"

    def test_the_explosion_leaves_the_chart_and_the_fall_does_not(self, drawn):
        low, high = drawn(course(DECADES) + noise(200, 0, 0.05)).get_ylim()
        assert 0 < low < 1.0 and 2.3 < high < 4

    @pytest.mark.parametrize("losses", [np.full(200, 2.3), np.full(200, np.nan), 3 + DECADES])
    def test_without_a_suggestion_the_losses_alone_are_drawn(self, drawn, losses):
        ax = drawn(losses)
        assert not ax.texts
        low, high = ax.get_xlim()
        assert low <= RATES[0] and high >= RATES[-1]

    def test_a_place_that_cannot_be_written_is_an_error(self, tmp_path):
        with pytest.raises(UserError, match="cannot write the figure"):
            report.draw_range_test(RATES, course(DECADES), None, path=str(tmp_path / "no" / "x.png"), title="")
