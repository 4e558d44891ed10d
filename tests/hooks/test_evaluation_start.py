"""How the event file of a process's evaluations begins."""

import tensorflow as tf

import hooks
from tests.hooks.common import session_at


def evaluate(hook, step):
    with tf.Graph().as_default():
        tf.zeros([], name=f"only_in_{step}")
        with session_at(step, hook):
            pass


def test_it_begins_with_the_first_evaluations_graph_and_one_mark_at_its_step(tmp_path):
    hook = hooks.EvaluationStartHook(str(tmp_path))
    for step in (8, 16):
        evaluate(hook, step)
    tf.compat.v1.summary.FileWriterCache.clear()
    (path,) = tmp_path.iterdir()
    written = list(tf.compat.v1.train.summary_iterator(str(path)))
    marks = [(event.step, event.session_log.status) for event in written if event.HasField("session_log")]
    assert marks == [(8, tf.compat.v1.SessionLog.START)]
    (graph,) = [tf.compat.v1.GraphDef.FromString(event.graph_def) for event in written if event.graph_def]
    names = {node.name for node in graph.node}
    assert "only_in_8" in names
    assert not any(name.startswith("save/") for name in names), "what is added once the model is built"
