"""Says, and keeps, what each evaluation found."""

import tensorflow as tf
import tqdm

from control import evaluations
from summaries import tags


class PrintEvaluation(tf.estimator.Exporter):
    """Prints the metrics of every evaluation. An exporter, because that is what an Estimator calls with them."""

    @property
    def name(self) -> str:
        return "print_evaluation"

    def export(self, estimator, export_path, checkpoint_path, eval_result, is_the_final_export):
        step = eval_result[tf.compat.v1.GraphKeys.GLOBAL_STEP]
        # Through tqdm, which moves a progress bar out of the way where there is one.
        tqdm.tqdm.write(
            f"step {step}: validation loss {eval_result[tags.LOSS]:.4f}, accuracy {eval_result[tags.ACCURACY]:.2%}"
        )


class RecordEvaluation(tf.estimator.Exporter):
    """Adds the metrics of every evaluation to `control.evaluations`, for whoever decides by them."""

    @property
    def name(self) -> str:
        return "record_evaluation"

    def export(self, estimator, export_path, checkpoint_path, eval_result, is_the_final_export):
        step = eval_result[tf.compat.v1.GraphKeys.GLOBAL_STEP]
        metrics = {tag: eval_result[tag] for tag in (tags.LOSS, tags.ACCURACY)}
        evaluations.append(estimator.model_dir, int(step), metrics)
