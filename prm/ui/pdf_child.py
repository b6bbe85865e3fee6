"""The child that makes a PDF: `python pdf_child.py < JSON`. Imports nothing of the product.

Standard input: `{"html": …, "assets": {name: [path, media type]}, "bytes": …, "seconds": …}`; standard output: the PDF.
A document that hangs or eats the memory ends this process, never a web worker.
"""

import json
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import weasyprint
from weasyprint import urls


class ForbiddenAsset(ValueError):
    """A document named something that is neither `data:` nor one of our assets."""


class OurAssets(urls.URLFetcher):
    """`data:` as WeasyPrint reads it, `asset:NAME` from the list that came with the document, nothing else."""

    def __init__(self, assets: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.assets = assets

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        """ForbiddenAsset for any other address: no network, no file that a page names."""
        scheme, _sep, name = url.partition(":")
        if scheme == "data":
            return super().fetch(url, headers)
        if scheme != "asset" or name.lstrip("/") not in self.assets:
            raise ForbiddenAsset(scheme)
        path, kind = self.assets[name.lstrip("/")]
        return urls.URLFetcherResponse(url, Path(path).read_bytes(), {"Content-Type": kind})


def main() -> None:
    """Read the document, write it as PDF/UA-1 on the paper that its style sheet names."""
    told = json.load(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_AS, (told["bytes"], told["bytes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (told["seconds"], told["seconds"]))
    document = weasyprint.HTML(string=told["html"], base_url="asset:", url_fetcher=OurAssets(told["assets"]))
    sys.stdout.buffer.write(document.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True))


if __name__ == "__main__":
    main()
