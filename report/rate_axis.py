"""How a learning rate is drawn, whatever its schedule."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from report.curves import Curve

FEW = 5  # So many rates each get a tick of their own.
DECADES = 5  # A log axis shows no more: a cosine ends at almost nothing, and would have most of the axis for it.


def holds(rates: np.ndarray) -> bool:
    """Whether the rate mostly stays from point to point, as one that steps does and a cosine does not."""
    return np.count_nonzero(np.diff(rates)) <= max(FEW - 1, rates.size / 3)


def draw_rate(ax: Axes, rate: Curve, *, hold: str, **style: Any) -> None:
    """Draws the rate as stairs (`hold`: "steps-pre" or "steps-post") where it mostly holds, else as a plain line."""
    ax.plot(rate.steps, rate.values, drawstyle=hold if holds(rate.values) else "default", **style)


def scale_rates(ax: Axes, rates: np.ndarray) -> None:
    """Chooses scale, limits and ticks of a y axis on which `rates`, float64 `[n]` of one or more runs, are drawn."""
    ax.margins(y=0.15)
    ax.yaxis.set_major_formatter("{x:g}")
    distinct = np.unique(rates[np.isfinite(rates)])
    if not distinct.size:
        return
    is_log = reads_better_in_log(rates)
    if is_log:
        low = max(distinct[0], distinct[-1] / 10**DECADES)
        room = (distinct[-1] / low) ** 0.15
        ax.set_yscale("log")
        ax.set_ylim(low / room, distinct[-1] * room)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 3) if distinct[-1] < 100 * low else (1,), numticks=DECADES + 1))
        ax.yaxis.set_major_formatter("{x:g}")  # The scale brought its own.
    else:
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_minor_locator(NullLocator())
    if distinct.size <= FEW:
        ax.set_yticks(_apart(distinct, ax.get_ylim(), is_log=is_log))


def reads_better_in_log(rates: np.ndarray) -> bool:
    """Whether a log axis helps: all above 0, a factor of 10 or more apart, and low for long.

    Few rates are in steps, and a log axis keeps the low ones apart. Of many, a quarter must be below a twentieth of the
    highest, as in an exponential decay. A cosine that ends near 0 is low for a short time only, and a linear axis keeps
    its shape.
    """
    rates = rates[np.isfinite(rates)]
    if not rates.size or rates.min() <= 0 or rates.max() < 9.99 * rates.min():  # Float32 of 0.1 and 0.01 is not exact.
        return False
    return np.unique(rates).size <= FEW or bool(np.mean(rates < rates.max() / 20) >= 0.25)


def _apart(rates: np.ndarray, limits: tuple[float, float], *, is_log: bool) -> list[float]:
    """The rising `rates` without those whose tick label would touch that of a higher one."""
    places, (bottom, top) = (np.log10(rates), np.log10(limits)) if is_log else (rates, limits)
    kept: list[int] = []
    for i in reversed(range(rates.size)):
        if not kept or places[kept[-1]] - places[i] >= 0.15 * (top - bottom):
            kept.append(i)
    return [float(rates[i]) for i in reversed(kept)]
