"""The Wasserstein GAN (Arjovsky et al., 2017): a critic of bounded slope tells how far made windows are from real ones.

Its mean over real windows less that over made ones is at most their Wasserstein-1 distance times the slope. How the
slope is bounded is said by `wgan` and `wgan_gp`.
"""

import tensorflow as tf

from sensegen.generators import gan_networks
from sensegen.generators.adversarial import Contenders, Noise, beside
from sensegen.params.adversarial import WassersteinParams
from sensegen.windows import WindowShape


class Wasserstein(Contenders):
    """Abstract: the losses, and the networks that params ask for."""

    def __init__(self, shape: WindowShape, params: WassersteinParams, name: str):
        super().__init__(shape, name)
        self.maker, self.critic = gan_networks.maker(params.network, shape), gan_networks.critic(params.critic)
        self.compilable = "gru" not in (params.network.kind, params.critic.kind)
        self.draw = Noise(params.noise, shape.length)
        self.critic_steps, self.critic_learning_rate = params.critic_steps, params.critic_learning_rate

    def noise(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return self.draw(tf.shape(labels)[0], seed)

    def made_of(self, noise: tf.Tensor, labels: tf.Tensor, training: bool) -> tf.Tensor:
        return self.maker(beside(noise, labels, self.window.classes), training=training)

    def judged(self, values: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        del seed  # all of the critic is there
        return self.critic(beside(values, labels, self.window.classes), training=True)

    def critic_loss(self, real: tf.Tensor, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        means = [tf.reduce_mean(self.judged(side, labels, seed)) for side in (made, real)]
        return means[0] - means[1]

    def maker_loss(self, made: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return -tf.reduce_mean(self.judged(made, labels, seed))
