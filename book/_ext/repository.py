"""Launch and report links behind one setting, `book_repository`; while it is empty, the pages have none."""

from urllib.parse import quote, urlencode

BRANCH = "main"


def links(repository: str, page: str, title: str, version: str) -> dict[str, str]:
    """The issue form, and Colab and Binder for a notebook; none of them without a repository."""
    if not repository:
        return {}
    if not repository.startswith("https://github.com/"):
        raise ValueError(
            f"`book_repository` is {repository!r}; wanted https://github.com/owner/name or nothing"
        )
    name = repository.removeprefix("https://github.com/").strip("/")
    body = (
        f"Page: {title} ({page})\nHeading: \nVersion: {version}\nBrowser: \n\n"
        "What I did:\n\nWhat I expected:\n\nWhat I saw instead:\n"
    )
    found = {
        "Report a problem": f"https://github.com/{name}/issues/new?"
        + urlencode({"title": f"{title}: ", "body": body})
    }
    if page.endswith(".ipynb"):
        found["Open in Colab"] = (
            f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{quote(page)}"
        )
        found["Open in Binder"] = f"https://mybinder.org/v2/gh/{name}/{BRANCH}?" + urlencode(
            {"urlpath": f"lab/tree/{page}"}
        )
    return found


def add_links(app, pagename, templatename, context, doctree):
    source = app.env.doc2path(pagename, base=False) if pagename in app.env.found_docs else None
    if source is None:
        return
    title = context.get("title", pagename)
    for text, address in links(app.config.book_repository, str(source), title, app.config.release).items():
        context.setdefault("header_buttons", []).append(
            {
                "type": "link",
                "url": address,
                "text": text,
                "tooltip": text,
                "icon": {"Report a problem": "fas fa-lightbulb"}.get(text, "fas fa-rocket"),
                "label": "ktn-" + text.split()[-1].lower(),
            }
        )


def setup(app):
    app.add_config_value("book_repository", "", "html")
    app.connect("html-page-context", add_links, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
