"""Text that means something else in LaTeX or Markdown."""

from __future__ import annotations

import re

_TEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "—": "---",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "→": r"$\to$",
    "↔": r"$\leftrightarrow$",
    "≈": r"$\approx$",
    "·": r"$\cdot$",
    "✓": r"$\surd$",
    "λ": r"$\lambda$",
    "τ": r"$\tau$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "\u00a0": "~",
    "\n": " ",
}


def tex(text: str) -> str:
    """Text for the body of a LaTeX document that pdfLaTeX compiles.

    A character outside Latin that is not in our list becomes its code point, `[U+2603]`: visible, and no
    error.
    """
    return "".join(_TEX.get(character) or _latin(character) for character in text)


def markdown(text: str) -> str:
    """Text for a cell or paragraph of GitHub-flavoured Markdown: no accidental table, emphasis or HTML."""
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text.replace("\n", " "))
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    return re.sub(r"([\\`*|\[\]~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", r"\\\1", text)


def _latin(character: str) -> str:
    return character if ord(character) < 0x180 else f"[U+{ord(character):04X}]"
