"""Cost model of a training step through a convolution with strides of 1: computed directly, or by Fourier transform as in
`training.fft_convolution`."""

from typing import NamedTuple, Self

from mnist_lab.design.layers import Shape, padding_before, window_positions

# Measured: the time of a multiplication in the Fourier method relative to one in a direct convolution; the Fourier
# method reads and writes more memory for each.
_COST_FACTOR = 2.0
# Measured: the time to transform a value of the kernel and of its gradient, in multiplications of the Fourier method.
_KERNEL_VALUE = 40
# A direct convolution processes channels and filters in groups of this size, unless there is only one.
_LANES = 16
# The predicted speed-up below which the Fourier method is not used: which is faster then depends on the machine.
_MIN_SPEEDUP = 1.25
# Most values of a transformed kernel: 64 MB as float32, and training holds several arrays of this size.
_MAX_KERNEL_VALUES = 2**24


class Axis(NamedTuple):
    """Height or width, in pixels."""

    size: int  # of the input map
    kernel_size: int
    padding: str  # "same" or "valid"

    @property
    def output_size(self) -> int:
        return window_positions(self.size, self.kernel_size, 1, self.padding)

    @property
    def padding_before(self) -> int:
        """Pixels of zero padding before the first pixel of the map."""
        return padding_before(self.size, self.kernel_size, 1) if self.padding == "same" else 0

    @property
    def dft_size(self) -> int:
        """Points of the discrete Fourier transform, as few as keep the wrap-around of a cyclic convolution out of the
        output. Since it wraps around, the padding of the longer end serves both ends."""
        return self.size + (self.kernel_size // 2 if self.padding == "same" else 0)


class Convolution(NamedTuple):
    """A convolution with strides of 1, of maps with `channels` channels by `filters` filters."""

    height: Axis
    width: Axis
    channels: int
    filters: int

    @classmethod
    def of(cls, shape: Shape, kernel_size: tuple[int, int], filters: int, padding: str) -> Self:
        """For maps of `shape`, `(height, width, channels)`; `padding` is "same" or "valid"."""
        height, width = (Axis(size, window, padding) for size, window in zip(shape, kernel_size, strict=False))
        return cls(height, width, shape[-1], filters)

    @property
    def rows(self) -> int:
        """Frequencies along the height that are computed; since a map is real, the others are their conjugates."""
        return self.height.dft_size // 2 + 1

    @property
    def frequencies(self) -> int:
        return self.rows * self.width.dft_size

    def saving(self, images: int) -> float:
        """Predicted share of the direct convolution's training time that the Fourier method saves, in 0 to 1.

        0 where the direct convolution is to be used.

        Args:
            images: in a batch; they share the transform of the kernel.
        """
        height, width = self.height, self.width
        channels, filters = (size if size == 1 else -(-size // _LANES) * _LANES for size in self[2:])
        direct = height.output_size * width.output_size * height.kernel_size * width.kernel_size * channels * filters
        kernel = 4 * self.frequencies * self.channels * self.filters
        forward = 2 * self.rows * width.size * (height.size + 2 * width.dft_size) * self.channels
        inverse = 2 * self.rows * width.output_size * (height.output_size + 2 * width.dft_size) * self.filters
        fourier = _COST_FACTOR * (forward + kernel + inverse + _KERNEL_VALUE * kernel / images)
        if kernel > _MAX_KERNEL_VALUES or fourier * _MIN_SPEEDUP > direct:
            return 0.0
        return 1 - fourier / direct
