"""Tell the book where its public repository is: `python tools/set_repository.py https://github.com/owner/name`.

Writes the one setting in _config.yml, which brings the launch and report links, and puts the same first cell
into every notebook, which installs the library where it is missing (on Colab). An empty address undoes both.
"""

import argparse
import pathlib
import re

import nbformat

from ktnlib.atomic import write_atomically

ROOT = pathlib.Path(__file__).resolve().parents[1]
INSTALL = "install-the-library"
CELL = """\
import importlib.util

if importlib.util.find_spec("ktnlib") is None:
    %pip install --quiet "ktnlib[data,figures,widgets] @ git+{address}"\
"""


def with_setting(config: str, address: str) -> str:
    return re.sub(r"(?m)^( *book_repository:).*$", rf'\1 "{address}"', config)


def with_install_cell(notebook: nbformat.NotebookNode, address: str) -> nbformat.NotebookNode:
    """The notebook with one install cell before its first code, or with none for an empty address."""
    notebook.cells = [cell for cell in notebook.cells if cell.id != INSTALL]
    if address:
        cell = nbformat.v4.new_code_cell(CELL.format(address=address), id=INSTALL)
        cell.metadata.tags = ["remove-cell"]
        first_code = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        notebook.cells.insert(first_code, cell)
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help='https://github.com/owner/name, or "" for none')
    address = parser.parse_args().address.rstrip("/")
    if address and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        parser.error(f'the address is {address!r}; wanted https://github.com/owner/name, or "" for none')
    config = ROOT / "_config.yml"
    write_atomically(config, with_setting(config.read_text(encoding="utf-8"), address).encode())
    for path in sorted((ROOT / "book").rglob("*.ipynb")):
        notebook = with_install_cell(nbformat.read(path, as_version=4), address)
        write_atomically(path, (nbformat.writes(notebook) + "\n").encode())


if __name__ == "__main__":
    main()
