"""Any text as LaTeX, which every engine compiles."""

from unicodedata import combining, normalize

_SPECIAL = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "`": r"\textasciigrave{}",
    "±": r" $\pm$ ",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "’": "'",
    "“": "``",
    "”": "''",
    "◆": r" $\diamond$",
    "⊘": r" $\oslash$",
    "◷": r"$^{\mathrm{t}}$",
    "▽": r"$\nabla$",
    "⚠": r"\textbf{!}",
    "\u00a0": "~",
}

_LAST_KNOWN = 0x17F
"""Last letter of those with accents that pdfLaTeX sets in its default fonts."""

_LONG = 80
"""Characters; longer labels get several lines."""

_LONG_WORD = 40
"""Characters; longer words may be broken anywhere."""

_PIECE = 12


def escape(text: str) -> str:
    """Return *text* as LaTeX that shows it.

    Letters beyond those of European languages are shown as code points, since pdfLaTeX
    stops at them.
    """
    # TeX makes a dash of two hyphens.
    return "-{}-".join("".join(map(_sign, part)) for part in text.split("--"))


def breakable(text: str) -> str:
    """Return *text* as LaTeX for a cell; if it is long, in a box of several lines."""
    if len(text) <= _LONG:
        return escape(text)
    return f"\\parbox[t]{{0.4\\linewidth}}{{\\raggedright {pieces(text)}}}"


def pieces(text: str, longest: int = _LONG_WORD) -> str:
    """Return *text* as LaTeX whose long words may be broken, without a hyphen.

    Args:
        text: The text.
        longest: Characters of a word that is not broken.
    """
    return " ".join(_pieces(word, longest) for word in text.split(" "))


def _pieces(word: str, longest: int) -> str:
    if len(word) <= longest:
        return escape(word)
    cuts = range(0, len(word), _PIECE)
    return r"\allowbreak{}".join(escape(word[at : at + _PIECE]) for at in cuts)


def _sign(sign: str) -> str:
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    if sign.isascii():
        return sign if sign.isprintable() else " "
    if 0xC0 <= ord(sign) <= _LAST_KNOWN:
        return sign
    parts = normalize("NFKD", sign).replace("\u2044", "/")  # The bar of a fraction.
    plain = "".join(part for part in parts if not combining(part))
    if plain.isascii() and plain and plain != sign:
        return escape(plain)
    return f"\\texttt{{[U+{ord(sign):04X}]}}"
