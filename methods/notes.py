"""What a method's docstring says of it, readable without loading the method."""

from __future__ import annotations

import inspect
import re


def docstring_sections(text: str) -> dict[str, str]:
    """The sections `Source`, `Original`, `Kept`, `Ours` and `Lost` of a docstring, in its order, one paragraph each.

    >>> docstring_sections("A forest.\\n\\n    Source: Breiman 2001.\\n\\n    Ours: 500 trees.")
    {'Source': 'Breiman 2001.', 'Ours': '500 trees.'}
    """
    parts = re.split(r"^(Source|Original|Kept|Ours|Lost):", inspect.cleandoc(text), flags=re.MULTILINE)
    return {key: " ".join(body.split("\n\n")[0].split()) for key, body in zip(parts[1::2], parts[2::2], strict=True)}
