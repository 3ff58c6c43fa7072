"""What a convolution with strides of 1 costs in training: directly, and by way of the Fourier transform (see `fourier`)."""

from typing import NamedTuple, Self

from mnist_lab.design.layers import Shape, padding_before, window_positions

# Measured: a multiplication on the way there and back takes as long as so many of a direct convolution, since more memory
# is read and written,
_COST_FACTOR = 2.0
# a value of a transformed kernel, with its gradient, as long as so many on that way,
_KERNEL_VALUE = 40
# and a direct convolution takes channels and filters so many at a time, unless there is but one.
_LANES = 16
# By how much it must be less: what is closer depends on the machine.
_CLEARLY = 1.25
# Values of a transformed kernel: 64 MB, of which training needs a few.
_LARGEST_KERNEL = 2**24


class Axis(NamedTuple):
    """Height or width, in pixels."""

    size: int  # of the map that comes in
    kernel_size: int
    padding: str  # "same" or "valid"

    @property
    def out(self) -> int:
        return window_positions(self.size, self.kernel_size, 1, self.padding)

    @property
    def before(self) -> int:
        """Padding before the first pixel."""
        return padding_before(self.size, self.kernel_size, 1) if self.padding == "same" else 0

    @property
    def dft_size(self) -> int:
        """Points of the discrete Fourier transform: so many that no window that is kept goes round the end, where what is
        padded at the longer of both ends may serve both."""
        return self.size + (self.kernel_size // 2 if self.padding == "same" else 0)


class Convolution(NamedTuple):
    """Of maps with so many channels, by so many filters."""

    height: Axis
    width: Axis
    channels: int
    filters: int

    @classmethod
    def of(cls, shape: Shape, kernel_size: tuple[int, int], filters: int, padding: str) -> Self:
        """Of maps `(height, width, channels)`; padding "same" or "valid"."""
        height, width = (Axis(size, window, padding) for size, window in zip(shape, kernel_size, strict=False))
        return cls(height, width, shape[-1], filters)

    @property
    def rows(self) -> int:
        """Frequencies along the height: as a map is real, the others are their conjugates."""
        return self.height.dft_size // 2 + 1

    @property
    def frequencies(self) -> int:
        return self.rows * self.width.dft_size

    def saving(self, images: int) -> float:
        """What share of its time in training, of so many images at once, it takes less by way of the Fourier transform; 0
        where it should not go that way."""
        height, width = self.height, self.width
        channels, filters = (size if size == 1 else -(-size // _LANES) * _LANES for size in self[2:])
        directly = height.out * width.out * height.kernel_size * width.kernel_size * channels * filters
        kernel = 4 * self.frequencies * self.channels * self.filters
        there = 2 * self.rows * width.size * (height.size + 2 * width.dft_size) * self.channels
        back = 2 * self.rows * width.out * (height.out + 2 * width.dft_size) * self.filters
        that_way = _COST_FACTOR * (there + kernel + back + _KERNEL_VALUE * kernel / images)
        if kernel > _LARGEST_KERNEL or that_way * _CLEARLY > directly:
            return 0.0
        return 1 - that_way / directly
