"""Newspaper4k in a Python of its own: pages in as JSON Lines, texts and processor seconds out.

`NEWSPAPER_PYTHON=/path/to/python python -m tests.benchmarks extraction`, where that Python has newspaper4k.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    """Read `{"url", "html"}` a line; print `{"seconds", "texts"}`."""
    from newspaper import Article

    pages = [json.loads(line) for line in sys.stdin]
    texts = []
    begin = time.process_time()
    for page in pages:
        article = Article(page["url"] or "https://page.example/", fetch_images=False)
        try:
            article.download(input_html=page["html"])
            article.parse()
            texts.append(article.text)
        except Exception:  # noqa: BLE001  what it raises is its own affair: no text
            texts.append("")
    json.dump({"seconds": time.process_time() - begin, "texts": texts}, sys.stdout)


if __name__ == "__main__":
    main()
