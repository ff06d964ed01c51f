"""The role {claim}`name` prints a measured value; the directive {claims-table} lists all of them."""

from docutils import nodes
from docutils.nodes import Node, system_message
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from ktnlib.experiments.claims import Claim, bounds, claims
from ktnlib.shipped import shipped

HEAD = ("Chapter", "Statement", "Measured", "Held to", "Published, or a peer's")
WIDTHS = (8, 34, 18, 16, 24)

logger = logging.getLogger(__name__)


def anchor(name: str) -> str:
    """The place of a claim in the appendix."""
    return f"claim-{name}"


def published(claim: Claim) -> str:
    """The published figure, where it stands, and whether somebody read it there."""
    if claim.paper is None:
        return "none known"
    return f"{claim.paper} ({claim.source}; {'read there' if claim.verified else 'not verified'})"


def measurement(claim: Claim) -> str:
    """Value, number of seeds, experiment, scale and date."""
    if claim.mean is None:
        return "not measured"
    date = claim.date.replace("-", "\N{NON-BREAKING HYPHEN}")
    return f"{claim}; {claim.n} seeds, {claim.experiment}, {claim.scale}, {date}"


class ClaimRole(SphinxRole):
    """Value ± spread and unit, linked to the entry in the appendix; an unknown name is a warning."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        _depend(self.env)
        claim = claims().get(self.text)
        if claim is None:
            logger.warning(
                "there is no claim %r in data/claims.toml", self.text, location=self.get_location()
            )
            return [nodes.problematic("", self.text)], []
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="ref", reftarget=anchor(claim.id), refexplicit=True, refwarn=True
        )
        link["refdoc"] = self.env.docname
        link += nodes.inline("", str(claim), classes=["ktn-claim"])
        return [link], []


class ClaimsTable(SphinxDirective):
    """All claims, one a row, each a target that the role links to."""

    has_content = False

    def run(self) -> list[Node]:
        _depend(self.env)
        group = nodes.tgroup(cols=len(HEAD))
        group += [nodes.colspec(colwidth=width) for width in WIDTHS]
        group += nodes.thead("", _row([nodes.paragraph(text=text) for text in HEAD]))
        body = nodes.tbody()
        for claim in claims().values():
            body += self._claim_row(claim)
        group += body
        return [nodes.table("", group, classes=["ktn-claims-table"])]

    def _claim_row(self, claim: Claim) -> nodes.row:
        row = _row(
            [
                nodes.paragraph(text=str(claim.chapter)),
                nodes.paragraph(text=claim.text),
                nodes.paragraph(text=measurement(claim)),
                nodes.paragraph(text=bounds(claim)),
                nodes.paragraph(text=published(claim)),
            ]
        )
        target = nodes.target("", "", ids=[anchor(claim.id)], names=[anchor(claim.id)])
        self.state.document.note_explicit_target(target)
        row[1].insert(0, target)
        return row


def _depend(env) -> None:
    # a new measurement changes every page that quotes it
    env.note_dependency(str(shipped("claims.toml")))
    for path in sorted(shipped("results").glob("*.json")):
        env.note_dependency(str(path))


def _row(cells: list[nodes.paragraph]) -> nodes.row:
    return nodes.row("", *[nodes.entry("", cell) for cell in cells])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", lambda app: claims.cache_clear())
    app.add_role("claim", ClaimRole())
    app.add_directive("claims-table", ClaimsTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
