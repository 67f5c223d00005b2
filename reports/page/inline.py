"""Tables and figures that were files of their own, made fit to stand beside each other in one page."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from strokebench.errors import StrokebenchError

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"

_DRAWN = """svg g defs use symbol marker clipPath mask path rect circle ellipse line polyline polygon text tspan title
desc image linearGradient radialGradient stop pattern"""
DRAWN: frozenset[str] = frozenset(_DRAWN.split())
"""Elements that draw. Others (scripts, foreign objects, style sheets, which would style the whole page) are dropped."""

_TABLE = "a b code dd details div dl dt h2 li p section span sub summary sup table tbody td th thead tr ul"
_FOREIGN = re.compile(rf"<(?!/?(?:{'|'.join(_TABLE.split())})[\s>])[^\s>]*")
"""What is no element of our tables; a folder of results may be another's, and its page could lead elsewhere."""
_REFERENCE = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
_ID_ATTRIBUTES = re.compile(r'\b(id|href|for|aria-labelledby|aria-controls|aria-describedby)="(#?)([^"]+)"')
_PIXELS_PER_POINT = 4 / 3


def inline_table(page: str, prefix: str) -> str:
    """The table of a whole HTML page that `strokebench.reports.tables.render` wrote, for use in another page.

    Args:
        prefix: put before every id and every reference to one, so that two tables do not share any.

    Returns:
        Its `section` element, without style sheet, the heading one level lower.

    Raises:
        StrokebenchError: the page holds no table of ours.
    """
    found = re.search(r"<section class=\"sb-table\".*</section>", page, re.DOTALL)
    if not found:
        raise StrokebenchError("There is no table in the page.", "Report the experiment again.")
    fragment = re.sub(r"<style>.*?</style>\n?", "", found[0], flags=re.DOTALL)
    if foreign := _FOREIGN.search(fragment):
        raise StrokebenchError(f"It has {foreign[0]}, which no table of ours has.", "Report the experiment again.")
    # Among many tables what was adapted is read on request; browsers open it for a link into it.
    fragment = re.sub(r"(</?)h2\b", r"\1h3", fragment).replace("<details open>", "<details>")
    return _ID_ATTRIBUTES.sub(lambda match: _prefixed(match, prefix), fragment)


def _prefixed(match: re.Match[str], prefix: str) -> str:
    attribute, mark, names = match.groups()
    if attribute == "href" and not mark:
        return match[0]
    return f'{attribute}="{mark}' + " ".join(f"{prefix}-{name}" for name in names.split()) + '"'


def inline_svg(path: Path, prefix: str, label: str) -> str:
    """An SVG file as an element of an HTML page.

    Only elements that draw are kept, and only references into the figure itself. It grows and shrinks with its
    surroundings; `--natural` in its style is the width that it was drawn for.

    Args:
        prefix: put before every id: matplotlib gives equal parts of different figures equal ids.
        label: what it is, for those who do not see it.

    Raises:
        StrokebenchError: the file is not SVG.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise StrokebenchError(f"{path.name} is not valid SVG ({error}).", "Report the experiment again.") from None
    if root.tag != f"{_SVG}svg":
        raise StrokebenchError(f"{path.name} is not SVG.", "Report the experiment again.")
    _clean(root, prefix)
    width = root.attrib.pop("width", "")
    root.attrib.pop("height", None)
    for attribute in ("version", "id"):
        root.attrib.pop(attribute, None)
    points = float(width.removesuffix("pt")) if re.fullmatch(r"[\d.]+pt", width) else 480.0
    root.attrib |= {
        "role": "img",
        "aria-label": label,
        # matplotlib says these two in a style sheet for all elements.
        "style": f"--natural: {points * _PIXELS_PER_POINT:.0f}px; stroke-linejoin: round; stroke-linecap: butt",
    }
    root.tail = None
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _clean(element: ElementTree.Element, prefix: str) -> None:
    element.tag = element.tag.removeprefix(_SVG)
    kept = {}
    for name, value in element.attrib.items():
        name = name.replace(_XLINK, "")
        if name.startswith(("on", "{")) or (name == "href" and not value.startswith(("#", "data:image/"))):
            continue
        if name == "id":
            value = f"{prefix}-{value}"
        elif name == "href" and value.startswith("#"):
            value = f"#{prefix}-{value[1:]}"
        else:
            value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
            if "url(" in _REFERENCE.sub("", value):
                continue
        kept[name] = value
    element.attrib.clear()
    element.attrib.update(kept)
    for child in list(element):
        if isinstance(child.tag, str) and child.tag.removeprefix(_SVG) in DRAWN:
            _clean(child, prefix)
        else:
            element.remove(child)
