import numpy as np
import pytest

import geomlib as g

TINY = {"counts": np.full((13, 13), 6).tolist(), "steps": 14, "batch_size": 128}  # 861 images to train on: 7 steps an epoch


@pytest.fixture
def tiny():
    """A spec that trains in half a second: two epochs on 1,014 images."""
    return g.Spec(**TINY)


@pytest.fixture(scope="session")
def images():
    return g.corridors(np.full((13, 13), 3), seed=1)


@pytest.fixture(scope="session")
def trained():
    return g.fit([g.Spec(**TINY, tasks=("order", "region"))], "cpu")[0]
