"""When a convolution is cheaper by way of the Fourier transform, and how many points that needs."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mnist_lab.design.convolution_cost import Axis, Convolution


def test_it_is_chosen_for_large_kernels_many_images_and_channels_and_while_memory_allows() -> None:
    def pays(
        size: int, kernel_size: int, channels: int, filters: int, images: int = 64, padding: str = "valid"
    ) -> bool:
        plan = Convolution.of((size, size, channels), (kernel_size, kernel_size), filters, padding)
        return plan.saving(images) > 0

    assert pays(22, 7, 16, 32), "the second convolution of the notebook's 7×7 network"
    assert not pays(28, 7, 1, 16), "its first: one channel"
    assert not pays(8, 7, 32, 64), "its third: four windows"
    assert not pays(22, 7, 16, 32, images=4)
    assert not pays(22, 3, 16, 32)
    assert pays(14, 7, 128, 128, images=1000, padding="same")
    assert not pays(14, 7, 256, 256, images=1000, padding="same")


@given(st.integers(1, 20), st.integers(1, 12), st.sampled_from(["same", "valid"]))
def test_a_circular_convolution_of_so_many_points_gives_every_window_that_is_kept(
    size: int, kernel_size: int, padding: str
) -> None:
    assume(padding == "same" or kernel_size <= size)
    axis = Axis(size, kernel_size, padding)
    random = np.random.default_rng(size)
    row, kernel = random.normal(size=size), random.normal(size=kernel_size)
    padded = np.pad(row, (axis.padding_before, kernel_size)) if padding == "same" else row
    expected = [padded[i : i + kernel_size] @ kernel for i in range(axis.output_size)]
    points = axis.dft_size
    # The transform of a kernel that is longer than the points is that of the kernel laid round them.
    laid = np.zeros(points)
    np.add.at(laid, np.arange(kernel_size) % points, kernel)
    product = np.fft.rfft(row, points) * np.fft.rfft(laid).conj()
    circular = np.fft.irfft(product, points)
    assert np.roll(circular, axis.padding_before)[: axis.output_size] == pytest.approx(np.array(expected), abs=1e-9)
    assert axis.output_size == (size if padding == "same" else size - kernel_size + 1)


def test_of_a_real_map_half_the_frequencies_are_enough() -> None:
    plan = Convolution.of((22, 23, 16), (7, 7), 32, "valid")
    assert plan.frequencies == np.fft.rfft2(np.zeros((22, 23)).T).size


def test_what_it_saves_is_a_share_that_grows_with_the_images() -> None:
    plan = Convolution.of((22, 22, 16), (7, 7), 32, "valid")
    savings = [plan.saving(images) for images in (1, 8, 64, 512)]
    assert savings[0] == 0
    assert savings == sorted(savings)
    assert 0.2 < savings[-1] < 1
