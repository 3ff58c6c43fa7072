"""The Keras optimizer of a recipe, where the most used ones update each variable by a single operation.

Keras implements an update as some fifteen small operations per variable, which in a small network take as long as a
layer. TensorFlow has single operations with the same formulas. Everything else is that of the Keras class.
"""

import keras
import tensorflow as tf

from mnist_lab.design.recipe import Recipe


class _Adadelta(keras.optimizers.Adadelta):  # type: ignore[misc]
    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdadelta(
            var=variable.handle,
            accum=self._accumulated_grads[index].value.handle,
            accum_update=self._accumulated_delta_vars[index].value.handle,
            lr=learning_rate,
            rho=self.rho,
            epsilon=self.epsilon,
            grad=gradient,
        )


class _Adam(keras.optimizers.Adam):  # type: ignore[misc]
    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class _SGD(keras.optimizers.SGD):  # type: ignore[misc]
    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        if not self.momentum:
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=learning_rate, delta=gradient)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=self.momentum,
            use_nesterov=self.nesterov,
        )


_FUSED = {kind.__name__.removeprefix("_"): kind for kind in (_Adadelta, _Adam, _SGD)}


def optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe, with the fields, variables and updates of the stock Keras optimizer."""
    name = type(recipe.optimizer).__name__
    kind = _FUSED.get(name) or getattr(keras.optimizers, name)
    return kind(
        **recipe.optimizer.model_dump(exclude={"name"}),
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.moving_average > 0,
        ema_momentum=recipe.moving_average or 0.99,
    )
