import shutil

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


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all browser tests."""
    from playwright.sync_api import sync_playwright    # here: on a cluster's GPU node the other tests run without it

    path = shutil.which("chromium")
    assert path, "chromium is missing: install the package `chromium` of Debian or Ubuntu"
    flags = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
             "--disable-component-update --disable-sync").split()
    with sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path=path, args=flags) as launched:
            yield launched
