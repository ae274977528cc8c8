"""Sphinx's settings for the site that `make docs` builds."""

import re
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.addnodes import download_reference
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri
from sphinx.writers.html5 import HTML5Translator

import l2h

DOCS = Path(__file__).parent
ROOT = DOCS.parent
REPORT = ROOT / "results/quickstart/report.html"

project = "l2h"
version = release = l2h.__version__
exclude_patterns = ["README.md", "_build", "_templates"]  # index.md includes README.md
templates_path = ["_templates"]
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode"]

myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give shapes
numpydoc_show_class_members = False  # a class's page documents them

html_math_renderer = "mathml"  # MathJax would need a network
html_theme = "pydata_sphinx_theme"
html_title = "l2h"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "tutorial": [], "gallery": [], "contributing": []}
html_extra_path = [str(REPORT)] if REPORT.exists() else []


def spell_out(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Rewrite the docstrings' short form, `name : description`, for numpydoc, which takes what follows for a type.

    What is returned gets one line, as numpydoc takes each for another value. Code like `h_i, <u>` gets two backticks,
    as a role takes what is between < and > for a target.
    """
    section, found = "", [""]
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        line = re.sub(r"(?<!`)(`[^`]*<[^`]*>`)(?!`)", r"`\1`", line)
        if below and not below.strip("-"):
            section = line
        parameter = re.fullmatch(r"([\w, ]+) : (.+)", line)
        if parameter and section in ("Parameters", "Attributes"):
            found += [parameter[1], f"    {parameter[2]}"]
        elif section == "Returns" and line.strip("-") and found[-1].strip("-") and found[-1] != section:
            found[-1] += f" {line}"
        else:
            found.append(line)
    lines[:] = found[1:]


def skip_fields(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Leave out the fields of a NamedTuple, which its docstring describes, whatever Python calls them."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def keep_inside(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turn links to folders outside the site into text, and those to files there into downloads."""

    def kept(link: re.Match) -> str:
        text, target = link.groups()
        path = (DOCS / docname).parent.joinpath(target).resolve()
        if DOCS in path.parents or not path.exists():
            return link[0]
        return text if path.is_dir() else f"[{text}](path:{target})"

    source[0] = re.sub(r"\[([^\]]+)\]\(((?:\.\./)+[^):#]+)(?:#[^)]*)?\)", kept, source[0])


def link_to_api(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Lead links to a source file of the package to the API page of the class in it, if it has one."""
    objects = {name: page for name, _, kind, page, _, _ in app.env.domains["py"].get_objects() if kind == "class"}
    pages = {name.rpartition(".")[0]: (page, name) for name, page in reversed(objects.items())}
    for node in list(doctree.findall(download_reference)):
        path = (DOCS / docname).parent.joinpath(node["reftarget"]).resolve()
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts[1:]) if path.suffix == ".py" else ""
        if module in pages:
            page, name = pages[module]
            uri = relative_uri(app.builder.get_target_uri(docname), app.builder.get_target_uri(page))
            node.replace_self(nodes.reference("", "", *node.children, refuri=f"{uri}#{name}", internal=True))


def write_mathml(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Write a formula, TeX in the source, as MathML."""
    translator.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Add to Sphinx what the site needs, and say whether there is a report to show."""
    app.add_html_math_renderer("mathml", inline_renderers=(write_mathml, None), block_renderers=(write_mathml, None))
    app.connect("autodoc-process-docstring", spell_out, priority=400)  # numpydoc's is 500
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("source-read", keep_inside)
    app.connect("doctree-resolved", link_to_api)
    if REPORT.exists():
        app.tags.add("report")
