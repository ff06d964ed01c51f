import pathlib
import re

import readme_pictures
import torch

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_the_examples_of_the_readme_run_and_show_what_it_says():
    names = readme_pictures.run_examples()
    assert names["ceiling"].shape == (1, 3, 300, 600)
    assert names["edges"].shape == (1, 1, 512, 1024)
    # a constant picture has no edges, so the filter sums to zero
    assert torch.isclose(names["edge"].sum(), torch.tensor(0.0), atol=1e-6)
    assert names["errors"][0] == 0
    assert max(names["errors"]) == names["errors"][-1]


def test_the_pictures_of_the_readme_are_there_and_described():
    for alt, path in re.findall(
        r"!\[([^\]]*)\]\(([^)]*)\)", (ROOT / "README.md").read_text(encoding="utf-8")
    ):
        assert len(alt) >= 40
        assert (ROOT / path).stat().st_size <= 100_000, path
