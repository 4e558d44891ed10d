"""Event files and numbers -> pages, figures and tables: one run, runs side by side, a schedule, a range test.

Steps are global steps, that is updates done: a train point at step x is a mean over updates up to x, a validation point
at step x was measured after x updates, and boundary B lies after the first B updates. So a point at step B itself
belongs to the stretch before the boundary.
"""

from report.comparison import compare, comparison_markdown
from report.curves import Curve, Curves, read_curves
from report.numbers import Drop, drops, table
from report.range_figure import draw_range_test
from report.range_test import Suggestion, range_test_text, smooth, suggest
from report.record import Record
from report.run import report
from report.run_figure import draw, figure
from report.schedule import draw_schedule, schedule_table

__all__ = [
    "Curve",
    "Curves",
    "Drop",
    "Record",
    "Suggestion",
    "compare",
    "comparison_markdown",
    "draw",
    "draw_range_test",
    "draw_schedule",
    "drops",
    "figure",
    "range_test_text",
    "read_curves",
    "report",
    "schedule_table",
    "smooth",
    "suggest",
    "table",
]
