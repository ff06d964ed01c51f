"""Read MyST text: what is prose, what is a formula, which symbols and labels a formula has."""

import re

FENCE = re.compile(r"^\s*(`{3,}|~{3,}|:{3,})\s*(?:\{([\w:-]+)\})?(.*)$")
CODE_DIRECTIVES = ("code", "code-block", "code-cell", "mermaid")
TITLED_DIRECTIVES = ("exercise", "dropdown", "admonition")
NO_PROSE = re.compile(r"\s*%|\s*:[\w-]+:(\s|$)|\s*\([\w-]+\)=")  # comment, option, target

FORMULA = re.compile(
    r"\$\$(?P<dollar>.+?)\$\$(?:\s*\((?P<name>[^)\s]+)\))?"
    r"|^[`:]{3,}\{math\}(?P<fence>.*?)^[`:]{3,}\s*$"
    r"|\\begin\{(?P<kind>(?:align|equation|gather)\*?)\}(?P<ams>.+?)\\end\{(?P=kind)\}"
    r"|\{math\}`(?P<role>[^`]+)`"
    r"|(?<![\\$])\$(?!\$)(?P<inline>[^$]+?)(?<!\\)\$",
    re.DOTALL | re.MULTILINE,
)
NO_SYMBOLS = re.compile(
    r"\\(?:text\w*|mathrm|operatorname\*?|mathtt|mathsf|mathbb|label|tag|begin|end|mbox|[hv]space\*?)\s*"
    r"(?:\{[^{}]*\}|[A-Za-z])|\\\\(?:\[[^\]]*\])?"
)
DECORATED = re.compile(
    r"\\(hat|bar|tilde|vec|dot|ddot|widehat|widetilde|mathbf|boldsymbol|mathcal|mathfrak|mathscr)"
    r"(?:\s*\{\s*(\\?[A-Za-z]+)\s*\}|(?![A-Za-z])\s*(\\[A-Za-z]+|[A-Za-z]))"
)
GREEK = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho "  # noqa: SIM905
    "varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon "
    "Phi Psi Omega ell".split()
)


def plain(markdown: str) -> str:
    """Markdown without comments, code, fences and options, but with its formulas."""
    kept, closing, math = [], "", False
    for line in re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL).splitlines():
        fence = FENCE.match(line)
        ends = fence and not fence[2] and not fence[3].strip()
        if closing:
            closing = "" if ends and fence[1].startswith(closing) else closing
        elif fence and (fence[2] in CODE_DIRECTIVES or (not fence[2] and not ends)):
            closing = fence[1]
        elif fence and (fence[2] == "math" or (ends and math)):
            math = fence[2] == "math"
            kept.append(line)
        elif fence:
            kept.append(fence[3].strip() if fence[2] in TITLED_DIRECTIVES else "")
        elif not NO_PROSE.match(line):
            kept.append(line)
    # inline code, but not the text of a role such as {math}`x`
    return re.sub(r"(?<![`}])`[^`\n]+`", "", "\n".join(kept))


def formulas(text: str) -> list[str]:
    """The TeX of every formula, inline and displayed."""
    kinds = ("dollar", "fence", "ams", "role", "inline")
    return [next(match[kind] for kind in kinds if match[kind]) for match in FORMULA.finditer(text)]


def without_formulas(text: str) -> str:
    return FORMULA.sub(" ", text)


def labels(markdown: str) -> list[str]:
    """Labels of numbered equations: `$$ … $$ (label)`, a {math} directive's :label:, TeX's own."""
    named = [match["name"] for match in FORMULA.finditer(markdown) if match["name"]]
    named += re.findall(r"^[`:]{3,}\{math\}[^\n]*\n\s*:label:\s*(\S+)", markdown, re.MULTILINE)
    return named + re.findall(r"\\label\{([^}]+)\}", markdown)


def references(markdown: str) -> set[str]:
    r"""Labels that are referred to by {eq}, {numref}, {ref}, \eqref or \ref."""
    roles = re.findall(r"\{(?:eq|numref|ref)\}`(?:[^`<]*<)?([^`<>]+)>?`", markdown)
    return {*roles, *re.findall(r"\\(?:eq)?ref\{([^}]+)\}", markdown)}


def symbols(formula: str) -> set[str]:
    r"""Letters, Greek macros and decorated letters of a formula; not words in \mathrm nor names such as \sin.

    >>> sorted(symbols(r"\hat{x}_i = \sin\theta \cdot \mathrm{gain}(W)"))
    ['W', '\\hat{x}', '\\theta', 'i']
    """
    formula = NO_SYMBOLS.sub(" ", formula)
    found = {f"\\{match[1]}{{{match[2] or match[3]}}}" for match in DECORATED.finditer(formula)}
    formula = DECORATED.sub(" ", formula)
    found |= {f"\\{name}" for name in re.findall(r"\\([A-Za-z]+)", formula) if name in GREEK}
    return found | set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", formula)))
