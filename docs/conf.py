"""Settings of the documentation, for ``sphinx-build -c docs . build/docs``.

The pages stay where forges show them, in `docs/` and beside the code they describe, so
the root of the repository is the root of the site.
"""

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "site"))

from api_pages import write_api_pages  # noqa: E402

project = "benchbox"
release = version = version_of("benchbox-recsys")
copyright = "the authors of benchbox"
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**.md",
    "docs/api/*.rst",
    "datasets/README.md",
    "plugins/README.md",
    "results/README.md",
    "results/published/**.md",
]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = f"benchbox {release}"
html_copy_source = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = True

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_use_ivar = True
napoleon_attr_annotations = False

_LINK = re.compile(r"\[([^\]\[]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)")


def without_code_links(app: Sphinx, name: str, content: list[str]) -> None:
    """Leave the text alone of links to files and folders that are no pages here.

    On a forge they lead to the code. A link to what does not exist stays, and is found.
    """
    place = Path(app.env.doc2path(name)).parent

    def text_of(link: re.Match[str]) -> str:
        target = place / link[2]
        is_code = target.exists() and target.suffix not in (".md", ".svg", ".png")
        return link[1] if is_code else link[0]

    content[0] = _LINK.sub(text_of, content[0])


def setup(app: Sphinx) -> None:
    """Write the pages of the reference, and read links as the site needs them."""
    write_api_pages(ROOT / "docs" / "api")
    app.connect("source-read", without_code_links)
