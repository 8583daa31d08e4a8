import shutil

import numpy as np
import pytest

import geomlib as g

TINY = {
    "counts": np.full((13, 13), 6).tolist(),
    "steps": 14,
    "steps_per_epoch": 7,
    "batch_size": 128,
}  # 861 images to train on


SLOW = ["train_page", "explorer_browser", "graph", "pages", "cli", "installed", "anywhere", "runs", "train"]
FIRST = ["train_page", "book", "runs", "explorer_browser", "engine", "sentences"]  # the longest files of all


def pytest_collection_modifyitems(items):
    """The markers: `browser` where a test opens one, `slow` where a file's tests train, run notebooks or commands. The
    longest files go first and slow ones next, so that processes side by side end together."""
    order, name = [*FIRST, *SLOW], lambda item: item.path.stem.removeprefix("test_")
    items.sort(key=lambda item: order.index(name(item)) if name(item) in order else len(order))
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if name(item) in SLOW:
            item.add_marker(pytest.mark.slow)


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
    from playwright.sync_api import sync_playwright  # here: on a cluster's GPU node the other tests run without it

    path = shutil.which("chromium")
    assert path, "chromium is missing: install the package `chromium` of Debian or Ubuntu"
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=flags) as launched:
        yield launched


@pytest.fixture(scope="session")
def visit(browser):
    """Open an address in a fresh context; page.outside: what it asked of other machines; page.errors: its errors."""

    def opened(address, width=1200, ready=None, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        page.outside, page.errors = [], []

        def guard(route):
            if route.request.url.startswith(("file:", "http://127.0.0.1:")):
                return route.continue_()
            page.outside.append(route.request.url)
            route.abort()

        context.route("**/*", guard)
        page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(address)
        if ready:
            page.wait_for_function(ready)
        return page

    return opened


@pytest.fixture(scope="session")
def serious_faults():
    """What axe-core finds on a page in a theme, light or dark: (rule, element, what to do) of each serious fault."""

    def found(page, theme):
        page.add_style_tag(content="* { transition: none !important }")  # no colour on its way to another
        page.evaluate("theme => Object.assign(document.documentElement.dataset, { theme, mode: theme })", theme)
        page.add_script_tag(path=g.paper.ROOT / "tests/vendor/axe.min.js")
        options = "{preload: false, resultTypes: ['violations']}"  # from a disk no style can be fetched
        faults = page.evaluate(f"axe.run({options}).then(found => found.violations)")
        serious = [
            (fault["id"], node["html"][:200], node["failureSummary"])
            for fault in faults
            for node in fault["nodes"]
            if fault["impact"] in ("serious", "critical")
        ]
        # The theme's own switch is named otherwise than by the titles of its icons, which nobody sees.
        return [fault for fault in serious if "theme-switch-button" not in fault[1]]

    return found
