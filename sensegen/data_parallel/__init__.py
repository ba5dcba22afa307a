"""One model trained by several processes, which may stand on several machines: each has its rows of every batch.

`together.train` starts workers on a Ray cluster and has each do the same work with a `Training` of its own kind, so
that whatever the project trains by `Training.step`, `batches` and `train` needs no change. Two ways:

- `synchronous`: gradients are averaged by the collective all-reduce of `tf.distribute.MultiWorkerMirroredStrategy`,
  then clipped by their global norm, and every worker makes the same update. An equal batch gives what a single process
  gives.
- `asynchronous`: each worker sends its gradient to a parameter server and takes the weights as they are then (Dean et
  al., 2012). Nobody waits, but a gradient is of weights that others have changed meanwhile: its staleness is counted.

Keras' own `fit` fails under that strategy (keras-team/keras#20585), and its optimisers sum gradients over workers by
themselves, after they have clipped each worker's own. So the strategy reduces gradients here and holds no variable:
those are each worker's, equal at the start by seed or checkpoint, and compared at the end.
"""
