"""Event files and numbers -> pages, figures and tables: runs, a schedule, a range test, an evaluation.

Steps are global steps, that is updates done: a train point at step x is a mean over updates up to x, a validation point
at step x was measured after x updates, and boundary B lies after the first B updates. So a point at step B itself
belongs to the stretch before the boundary.
"""

from report.comparison import compare
from report.curves import Curve, Curves, read_curves
from report.evaluation import Evaluation, assess
from report.evaluation_figure import draw_evaluation
from report.evaluation_json import evaluation_json
from report.evaluation_text import evaluation_text
from report.files import write_text
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
    "Evaluation",
    "Record",
    "Suggestion",
    "assess",
    "compare",
    "draw",
    "draw_evaluation",
    "draw_range_test",
    "draw_schedule",
    "drops",
    "evaluation_json",
    "evaluation_text",
    "figure",
    "range_test_text",
    "read_curves",
    "report",
    "schedule_table",
    "smooth",
    "suggest",
    "table",
    "write_text",
]
