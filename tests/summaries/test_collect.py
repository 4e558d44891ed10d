import tensorflow as tf

from summaries import collect


def test_the_first_replicas_tensor_stands_for_all_and_graphs_keep_apart():
    with tf.Graph().as_default():
        first, second = tf.constant(1.0), tf.constant(2.0)
        collect.scalar("loss", first)
        collect.scalar("loss", second)
        assert collect.collected_scalars() == {"loss": first}
        # Keys that are no strings stay out of a checkpoint's meta graph.
        assert not tf.compat.v1.train.export_meta_graph().collection_def
    with tf.Graph().as_default():
        assert collect.collected_scalars() == {}
