"""The book as built, page by page, in a real browser; .ci/run builds it first."""

import re
import urllib.parse

import pytest

from geomlib.paper import ROOT

BUILT = ROOT / "_build/html"
PAGES = re.findall(r"file: (\S+)", "file: book/intro\n" + (ROOT / "_toc.yml").read_text())

# The explorer, or a widget of it, has drawn; or there is none.
EXPLORED = (
    """document.querySelector('.plot')?.ariaLabel || !document.querySelector('.explorer, [type*="widget-state"]')"""
)

# Boxes have the colour of the page's text; axe can't judge it, as the ground of their heads is drawn by a
# pseudo-element.
READABLE = """[...document.querySelectorAll('.admonition > p')].every(
    p => getComputedStyle(p).color === getComputedStyle(document.querySelector('.bd-article')).color)"""

pytestmark = pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="there is no book yet: make book")


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name):
    page = BUILT / f"{name}.html"
    for href in set(re.findall(r'<a [^>]*href="([^"]+)"', page.read_text())):
        path, _, anchor = urllib.parse.unquote(href).partition("#")
        if not path.startswith(("http:", "https:", "mailto:", "data:", "javascript:")):
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            assert target.is_file() and (target.suffix not in (".ipynb", ".md") or "_sources" in path), href
            assert not anchor or "=" in anchor or target.suffix != ".html" or f'id="{anchor}"' in target.read_text(), (
                href
            )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_accessible_and_asks_nothing_of_other_machines(visit, serious_faults, name):
    page = visit(f"file://{BUILT}/{name}.html")
    page.wait_for_function(EXPLORED)
    assert page.outside == [] and page.errors == []
    for theme in ("light", "dark"):
        assert serious_faults(page, theme) == [], theme
        assert page.evaluate(READABLE)
        assert page.evaluate(
            "[...document.querySelectorAll('.explorer :is(.panes, .scene)')]"
            ".every(x => x.scrollWidth < x.clientWidth + 3)"
        )
    assert page.locator("article img").count() == page.locator("article img[alt]:not([alt=''])").count()
    assert page.locator("article figure").count() == page.locator("article figure figcaption").count()
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.context.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_the_home_page_shows_a_whole_picture_on_its_first_screen_and_has_at_most_six_figures(visit, width):
    page = visit(f"file://{BUILT}/book/intro.html", width)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.locator("article figure img").first.bounding_box()["y"] > 0
    assert page.evaluate("document.querySelector('article figure img').getBoundingClientRect().bottom") < 800
    assert 4 < page.locator("article figure").count() <= 6 and page.locator("article .live").count() == 4
    assert width < 1280 or page.evaluate("document.documentElement.scrollHeight") < 7000
    page.context.close()


def test_the_book_has_at_most_40_numbered_figures():
    numbers = [number for name in PAGES for number in
               re.findall(r'caption-number">Fig. (\d+)', (BUILT / f"{name}.html").read_text())]  # fmt: skip
    assert sorted(map(int, numbers)) == [*range(1, len(numbers) + 1)] and 30 < len(numbers) <= 40


def test_a_page_says_what_it_is_to_those_who_share_it():
    told = [dict(re.findall(r'<meta property="(og:\w+)" content="([^"]*)"', (BUILT / f"{name}.html").read_text()))
            for name in PAGES]  # fmt: skip
    assert all(page["og:title"] and page["og:description"] and page["og:image"] for page in told)
    assert len({page["og:title"] for page in told}) == len(PAGES)


def test_a_caption_leads_to_the_meaning_of_its_words():
    text = (BUILT / "book/pages/experiment1.html").read_text()
    words = re.findall(r'<a class="term [^>]*href="\.\./notation\.html#(term-[\w-]+)" title="[^"]{20,}', text)
    assert {"term-exponent", "term-class-distortion"} <= set(words)
    notation = (BUILT / "book/notation.html").read_text()
    assert all(f'id="{place}"' in notation for place in words)


CUT = """picture => {
    document.body.innerHTML = picture;
    const whole = document.querySelector("svg").getBoundingClientRect();
    return [...document.querySelectorAll("g[id^=text_]")].map(text => text.getBoundingClientRect()).some(box =>
        box.left < whole.left - 1 || box.top < whole.top - 1 || box.right > whole.right + 1 ||
        box.bottom > whole.bottom + 1); }"""


def test_no_text_of_a_figure_is_cut(visit):
    page = visit("about:blank")
    shown = "".join((BUILT / f"{name}.html").read_text() for name in PAGES)
    figures = [BUILT / path for path in set(re.findall(r"_images/\w+\.svg", shown))]
    cut = [path for path in figures if page.evaluate(CUT, re.search("<svg.*", path.read_text(), re.DOTALL)[0])]
    assert len(figures) > 30 and cut == []
    page.context.close()


def test_a_figure_is_dark_on_a_dark_page_and_light_on_a_light_one(visit):
    page = visit(f"file://{BUILT}/book/pages/experiment1.html", color_scheme="light")
    ground = """async theme => {
        Object.assign(document.documentElement.dataset, { theme, mode: theme });
        await new Promise(done => setTimeout(done, 300)); }"""
    shades = {}
    for theme in ("light", "dark", "light"):
        page.evaluate(ground, theme)
        shot = page.locator("figure img[src$='.svg']").nth(2).screenshot()
        corner = page.evaluate(
            """async bytes => {
            const image = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
            const canvas = new OffscreenCanvas(image.width, image.height), ink = canvas.getContext("2d");
            ink.drawImage(image, 0, 0);
            return [...ink.getImageData(3, 3, 1, 1).data].slice(0, 3); }""",
            list(shot),
        )
        shades[theme] = sum(corner) / 3
    assert shades["light"] > 240 and shades["dark"] < 60
    page.context.close()
