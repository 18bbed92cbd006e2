"""Configuration of the documentation: MyST pages whose code cells run at every build."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "minisym"
sys.path.insert(0, str(HERE / "_ext"))

from measured import measured  # noqa: E402 - it stands there

project = "minisym"
author = "the minisym contributors"
copyright = "the minisym contributors"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docstrings",
    "linked_files",
    "linked_names",
    "api_pages",
    "mathml",
    "notebooks",
    "op_reference",
    "pictures",
    "source_links",
]
exclude_patterns = ["_build", "_ext", "_generated", "**/.ipynb_checkpoints"]

# Notebooks. An output is kept as long as neither its page nor any module of the package changes:
# jupyter-cache looks at the page alone, so the package's part is in the name of the cache.
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
# Kernels run without the user's own configuration, and keep to themselves that they use TCP.
_ipython = HERE / "_build" / "ipython"
(_ipython / "profile_default").mkdir(parents=True, exist_ok=True)
(_ipython / "profile_default" / "ipython_kernel_config.py").write_text(
    "c.IPKernelApp.log_level = 'ERROR'\nc.InlineBackend.figure_formats = {'svg'}\n",
    encoding="utf-8",
)
os.environ["IPYTHONDIR"] = str(_ipython)
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")
os.environ.pop("MPLBACKEND", None)  # with another than the kernel's, pages have no figures
suppress_warnings = ["mystnb.unknown_mime_type"]  # symbols offer Mermaid too; pages show the svg
_kinds = {".py", ".js", ".css", ".html"}
_sources = b"".join(p.read_bytes() for p in sorted(PACKAGE.rglob("*")) if p.suffix in _kinds)
_sources += (HERE / "matplotlibrc").read_bytes()
nb_execution_cache_path = str(
    HERE / "_build" / f"cells-{hashlib.sha256(_sources).hexdigest()[:12]}"
)

# MyST.
myst_enable_extensions = [
    "amsmath",
    "attrs_inline",
    "colon_fence",
    "deflist",
    "dollarmath",
    "substitution",
]
myst_heading_anchors = 3
myst_substitutions = measured()  # what pages say of the size of minisym

# Docstrings: numpydoc's sections, read by napoleon; $x$ and `x` by the docstrings extension.
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
add_module_names = False  # where a class lives is its own business
autosummary_generate = False
default_role = "code"
napoleon_google_docstring = False
napoleon_use_param = False  # what describes several parameters stays one entry
napoleon_use_rtype = False
python_maximum_signature_line_length = 140  # a longer one has a line for each parameter
toc_object_entries_show_parents = "hide"

# Every reference to a minisym name has to lead somewhere. Other projects' are plain text: their
# inventories would need the network, and a build must not.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!minisym\b).*"),
    # what signatures and fields name, and nobody calls: no pages of their own
    (r"py:class", r"minisym\.core\.(params\.DType|op\.Rule|deferred\.Deferred)"),
    (r"py:class", r"minisym\.operator\.Properties"),
    (r"py:class", r"minisym\.parallel\.(shards\.(Rows|Item)|exchange\.(Update|Message))"),
    (r"py:class", r"minisym\.runtime\.observe\.drawing\.Drawing"),
]

html_theme = "pydata_sphinx_theme"
html_title = "minisym"
html_theme_options = {
    "navigation_with_keys": False,
    "navbar_center": ["pages-nav.html"],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_css_files = ["pages.css"]
html_js_files = ["pages.js"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_search_scorer = str(HERE / "_static" / "search-order.js")
html_static_path = ["_static"]
templates_path = ["_templates"]
# only the pages of folders have pages beside them to list
html_sidebars = {page.stem: [] for page in Path(__file__).parent.glob("*.md")}
# one tree of all ops and classes on each of their pages would be megabytes
html_sidebars["ops/*"] = html_sidebars["api/*"] = ["family.html"]
