import nbformat
from set_repository import INSTALL, with_install_cell, with_setting

ADDRESS = "https://github.com/owner/name"


def notebook():
    cells = [
        nbformat.v4.new_markdown_cell("# Title", id="title"),
        nbformat.v4.new_code_cell("1 + 1", id="sum"),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def test_the_install_cell_comes_before_the_first_code_and_names_the_repository():
    cells = with_install_cell(notebook(), ADDRESS).cells
    assert [cell.id for cell in cells] == ["title", INSTALL, "sum"]
    assert f"git+{ADDRESS}" in cells[1].source
    assert cells[1].metadata.tags == ["remove-cell"]


def test_setting_it_twice_leaves_one_cell_and_an_empty_address_none():
    twice = with_install_cell(with_install_cell(notebook(), "https://github.com/a/b"), ADDRESS)
    assert [cell.id for cell in twice.cells].count(INSTALL) == 1
    assert [cell.id for cell in with_install_cell(twice, "").cells] == ["title", "sum"]


def test_the_setting_is_one_line_of_the_configuration():
    config = 'a: 1\n    book_repository: ""\nb: 2\n'
    assert with_setting(config, ADDRESS) == f'a: 1\n    book_repository: "{ADDRESS}"\nb: 2\n'
    assert with_setting(with_setting(config, ADDRESS), "") == config
