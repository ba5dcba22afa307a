"""Every worker makes the same update with the mean of all gradients, which the strategy's all-reduce brings to each."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from sensegen.data_parallel.sharing import SharedTraining
from sensegen.params.models import OptimiserParams
from sensegen.training import Decay, GradientStep, Trainable, constant


def strategy_of(rank: int, addresses: Sequence[str]) -> tf.distribute.Strategy:
    """The strategy of one of several processes, all of which must ask for theirs; before any tensor of this process.

    RING works on any processor, and sums in the same order on every worker, so that all get the same bits.
    """
    cluster = {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": rank}}
    os.environ["TF_CONFIG"] = json.dumps(cluster)
    ring = tf.distribute.experimental.CommunicationImplementation.RING
    options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


class SynchronousStep(GradientStep):
    """A gradient step on the mean of all workers' gradients, clipped after the mean is taken: as one process does it.

    Clipping each worker's own gradient first would be another algorithm.
    """

    def __init__(self, model: Trainable, params: OptimiserParams, *, seed: int, decay: Decay, training: Any):
        super().__init__(model, params, seed=seed, xla=False, decay=decay)
        self.strategy, self.rank = training.strategy, training.rank
        synchronise_norms(model)

    def slope(self, batch: Any, seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        own = tf.random.experimental.stateless_fold_in(seed, self.rank) if self.rank else seed
        loss, *gradients = self.strategy.run(self._mean_over_workers, args=(batch, own))
        return loss, gradients

    def _mean_over_workers(self, batch: Any, seed: tf.Tensor) -> list[tf.Tensor]:
        loss, gradients = super().slope(batch, seed)
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, [loss, *dense])


def synchronise_norms(model: Any) -> None:
    """Batch normalisation by mean and variance of the whole batch, not of a worker's share; before the first step."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


@dataclass(frozen=True, kw_only=True)
class SynchronousTraining(SharedTraining):
    """The trainings of a worker whose steps wait for all others'."""

    strategy: Any

    def step(self, model: Trainable, optimiser: OptimiserParams, name: str, decay: Decay = constant) -> GradientStep:
        """A step that all workers make at once."""
        self.models.append(model)
        return SynchronousStep(model, optimiser, seed=self.seed_of(name), decay=decay, training=self)
