"""A learning-rate range test: which rates its losses suggest.

The test trains for a few hundred steps while the rate rises from far too small to far too large, and keeps the loss of
each step (L. N. Smith, Cyclical Learning Rates for Training Neural Networks, https://arxiv.org/abs/1506.01186, section
3.3). The loss stays level, falls, and at last rises or becomes infinite. Smith reads two rates off a plot of accuracy;
`Suggestion` says which two are taken here, from the loss.

All functions take `rates`, float64 `[n]`, positive and rising, and `losses`, float64 `[n]`, the raw loss of each step.
The test is over at the first loss that is not finite: from there on nothing counts.
"""

import dataclasses

import numpy as np

FEWEST = 10  # So many losses are the least that a suggestion can rest on.


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """Two rates that a range test suggests.

    `steepest`: where the smoothed loss falls most per decade of rate, a rate at which training is under way fast.
    `largest_stable`: where the smoothed loss is lowest; beyond it the loss rises. As the largest rate of a schedule it
    is daring, a tenth of it is safe.
    """

    steepest: float
    largest_stable: float


def smooth(values: np.ndarray, *, beta: float | None = None) -> np.ndarray:
    """The exponentially weighted mean of `values` `[n]` up to each of them.

    The mean starts at 0, and is divided by the sum of its weights, `1 - beta ** (i + 1)`, so that its first entries are
    means too (Adam's bias correction, https://arxiv.org/abs/1412.6980, section 3). A mean with `beta` averages about
    `1 / (1 - beta)` values. `beta` None is chosen so that this is a twentieth of all.
    """
    beta = 1 - 1 / _window(values.size) if beta is None else beta
    means, mean = np.empty(values.size), 0.0
    for i, value in enumerate(values):
        mean = beta * mean + (1 - beta) * value
        means[i] = mean / (1 - beta ** (i + 1))
    return means


def suggest(rates: np.ndarray, losses: np.ndarray) -> Suggestion | None:
    """The rates that a range test suggests, or None where its loss never clearly fell: then the range is to be widened.

    Clearly: from its mean over the first tenth to the lowest point of the smoothed curve, by more than a hundredth and
    more than six standard deviations of the noise that smoothing leaves. The steepest fall is looked for before the
    lowest point, as the slope of a straight line through a tenth of the test at a time.
    """
    rates, losses = finite_part(rates, losses)
    if losses.size < FEWEST:
        return None
    window = _window(losses.size)
    at, means = smoothed_curve(rates, losses)
    lowest = int(np.argmin(means))
    start = losses[: 2 * window].mean()
    if start - means[lowest] <= max(0.01 * abs(start), 6 * _noise(losses)):
        return None
    fall = slice(window, lowest + 1)  # The first means are of few values, and a slope through them is noise.
    width = max(2 * window, 5)
    decades, means = np.log10(at[fall]), means[fall]
    if means.size < 3:
        return None
    starts = range(max(means.size - width, 0) + 1)
    slopes = [np.polyfit(decades[i : i + width], means[i : i + width], 1)[0] for i in starts]
    steepest = int(np.argmin(slopes))
    middle = 10 ** decades[steepest : steepest + width].mean()
    return Suggestion(steepest=float(middle), largest_stable=float(at[lowest]))


def smoothed_curve(rates: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smoothed losses, and the rates that they stand at: geometric means with the same weights.

    At the rate of its newest loss, a mean would stand too far right, for it looks back.
    """
    return np.exp(smooth(np.log(rates))), smooth(losses)


def range_test_text(rates: np.ndarray, losses: np.ndarray, suggestion: Suggestion | None) -> str:
    """What to print of a range test: the range, where the loss was lowest, and the flags to try, or what to do else."""
    tried, kept = finite_part(rates, losses)
    lines = [f"Range:  {short_rate(rates[0])} to {short_rate(rates[-1])} in {rates.size:,} steps"]
    if kept.size < losses.size:
        lines[0] += f"; from {short_rate(rates[kept.size])} on the loss was not finite"
    if kept.size:
        at, means = smoothed_curve(tried, kept)
        where = f"at rate {short_rate(at[np.argmin(means)])}{', the largest stable one' if suggestion else ''}"
        lines.append(f"Lowest: loss {means.min():.4g} (smoothed) {where}")
    if suggestion is None:
        fix = "start at a smaller rate if it only rose, end at a larger one if it stayed level, or take more steps"
        return "\n".join([*lines, f"No rate to suggest: the loss did not clearly fall. Widen the range: {fix}."])
    if kept.size == losses.size and np.argmin(means) >= kept.size - _window(kept.size):
        lines.append("The loss still fell at the end of the range: a range that ends at a larger rate tells more.")
    lines.append("To try:")
    named = {"Steepest descent:": suggestion.steepest, "Largest stable / 10:": suggestion.largest_stable / 10}
    for name, rate in named.items():
        first, second = short_rate(rate), short_rate(rate / 10)
        lines.append(f"  {name:<21}--learning_rate={first} or, stepping down, --values={first},{second}")
    return "\n".join(lines)


def finite_part(rates: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates and losses of the steps before the first loss that is not finite."""
    broken = np.flatnonzero(~np.isfinite(losses))
    end = broken[0] if broken.size else losses.size
    return rates[:end], losses[:end]


def _window(size: int) -> int:
    return max(size // 20, 1)


def _noise(losses: np.ndarray) -> float:
    """The standard deviation of the smoothed losses about their course.

    That of the raw ones comes from differences of neighbours, which the course hardly touches, by their median, which
    the explosion hardly touches: for normal noise it is 0.6745 * sqrt(2) standard deviations. An exponentially weighted
    mean leaves sqrt((1 - beta) / (1 + beta)) of it, which is sqrt(1 / (2 * window - 1)).
    """
    raw = np.median(np.abs(np.diff(losses))) / (0.6745 * np.sqrt(2))
    return float(raw / np.sqrt(2 * _window(losses.size) - 1))


def short_rate(rate: float) -> str:
    """The rate with two significant digits, as a flag takes it."""
    return f"{float(f'{rate:.2g}'):g}"
