"""Measures of a volume, against what was put into it."""

import numpy as np
import pytest

from strokebench.datasets.images.facts import head_of, measure_image
from strokebench.datasets.images.mri import Volume

LEVEL, NOISE = 1000.0, 50.0


def volume(data, spacing=(2.0, 2.0, 2.0)):
    data = np.asarray(data, np.float32)
    grid = np.diag([*spacing, 1.0])
    return Volume(data, spacing, to_world=grid, shape=data.shape, affine=grid, side="")


def head(edge=10, noise=NOISE):
    """A cube of 20 voxels at `LEVEL` within air, or to the rim of the volume, with Gaussian noise all over."""
    data = np.random.default_rng(0).normal(0, noise, (20 + 2 * edge,) * 3)
    data[(slice(edge, edge + 20),) * 3] += LEVEL
    return data


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (7, 0), (1, 3000), (0.01, -20)])
def test_head_noise_and_ghosts_are_shares_of_the_head_whatever_the_unit(factor, offset):
    plain, found = measure_image(volume(head())), measure_image(volume(factor * head() + offset))
    assert found.foreground == plain.foreground == pytest.approx((20 / 40) ** 3, rel=0.01)
    assert found.noise == pytest.approx(NOISE / LEVEL, rel=0.05)
    assert found.ghosting == pytest.approx(plain.ghosting, abs=1e-3)
    assert (found.low, found.high) == pytest.approx(
        tuple(factor * q + offset for q in (plain.low, plain.high)), rel=1e-3
    )


@pytest.mark.parametrize("offset", [0, 5000])
def test_a_head_that_fills_the_corners_is_held_against_the_darkest_voxels(offset):
    data = np.full((20, 20, 20), LEVEL)
    data[:, :, 8:11] = 0
    data += np.random.default_rng(0).normal(0, 1, data.shape) + offset
    found = measure_image(volume(data))
    assert found.foreground == pytest.approx(17 / 20, abs=0.01)
    assert found.noise == pytest.approx(1 / LEVEL, rel=0.1)


def test_what_is_within_four_scatters_of_the_air_is_no_head():
    data = np.where(np.indices((40, 40, 40)).sum(0) % 2, 1, -1) * NOISE / 1.4826
    data[10:30, 10:30, 10:30] = LEVEL
    data[5, 10:30, 10:30], data[34, 10:30, 10:30] = 4.2 * NOISE, 3.8 * NOISE
    found = head_of(data.astype(np.float32))
    assert found[5, 10:30, 10:30].all() and found[10:30, 10:30, 10:30].all()
    assert found.sum() == 20**3 + 20**2, "neither air nor what is hardly brighter"


def test_a_ghost_in_the_air_is_what_noise_does_not_explain():
    """Noise of a magnitude image is Rayleigh's: of two channels."""
    data = np.hypot(head(), np.random.default_rng(1).normal(0, NOISE, (40, 40, 40)))
    assert measure_image(volume(data)).ghosting < 0.002
    data[:10] += 100
    # A slab of 10 of 40 slices, where air is all but the cube and two voxels around it.
    expected = 100 * 10 * 40**2 / (40**3 - 24**3) / (LEVEL - 1.18 * NOISE)
    assert measure_image(volume(data)).ghosting == pytest.approx(expected, rel=0.15)


def test_extent_slices_and_shares_are_counted():
    data = head()
    data[0, 0, :8] = -1000
    found = measure_image(volume(np.where(data < -999, -1000, np.abs(data)), (1, 2, 4)))
    assert found.extent_mm == (40, 80, 160) and found.slice_axis == 2 and found.n_slices == 40
    assert found.negative == 8 / 40**3
    assert measure_image(volume(head(), (4, 1, 1))).slice_axis == 0
    assert measure_image(volume(head(), (4, 3.7, 1))).slice_axis == 1, "alike within a tenth"
    assert measure_image(volume(head(), (4, 3.5, 1))).slice_axis == 0
    steps = np.arange(64.0).reshape(4, 4, 4)
    assert measure_image(volume(steps)).n_values == 8, "every other voxel along each axis"
    # One and 99 hundredths of the way from 0 to 63.
    assert [measure_image(volume(steps)).low, measure_image(volume(steps)).high] == pytest.approx([0.63, 62.37])


@pytest.mark.parametrize(
    ("spoil", "blank"),
    [
        (lambda d: None, 0),
        (lambda d: d.__setitem__((slice(None), slice(None), slice(15, 18)), 0), 3),
        (lambda d: d.__setitem__((slice(None), 20), d[:, 19]), 1),
        # The last slices of the head are its end, no gap.
        (lambda d: d.__setitem__((slice(28, None),), 0), 0),
    ],
)
def test_blank_and_repeated_slices_within_the_head_are_counted(spoil, blank):
    data = head()
    spoil(data)
    assert measure_image(volume(data)).blank_slices == blank


def test_a_cut_histogram_is_told_from_one_bright_lesion():
    values = np.random.default_rng(0).normal(LEVEL, 100, (20, 20, 20))
    data = np.zeros((40, 40, 40))
    data[(slice(10, 30),) * 3] = values.clip(max=LEVEL + 50)
    # Three in ten lie above half a standard deviation.
    assert measure_image(volume(data)).clipped == pytest.approx(0.309, abs=0.02)
    data[(slice(10, 30),) * 3] = values
    assert measure_image(volume(data)).clipped < 0.001
    data[10:20, 10:20, 10:20] = 3000
    assert measure_image(volume(data)).clipped == 0


def test_equal_volumes_have_equal_content():
    one = measure_image(volume(head())).content
    assert one == measure_image(volume(head(), (1, 1, 1))).content
    changed = head()
    changed[0, 0, 0] += 1
    assert one != measure_image(volume(changed)).content
