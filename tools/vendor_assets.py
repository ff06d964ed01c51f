"""Put MathJax beside the book, out of an installed wheel: the built pages load nothing from elsewhere."""

import hashlib
import importlib.metadata
import pathlib
import shutil
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = ROOT / "book" / "_static" / "lib" / "mathjax"
WHEEL = "sphinx-mathjax-offline"
# tex-mml-chtml.js of MathJax 3.2.2 as npm serves it; the fonts and extensions are those it asks for
SCRIPT_SHA256 = "300480069078b5892d2363a2b65e2dfbbf30fe5c80f83edbfecf4610fd093862"
TREE_SHA256 = "21f20de26d3244119e7bd5175c3946ab7918883be049c8082fee8ca23a968ca2"
WANTED = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2/*.woff", "input/tex/extensions/*.js")


def tree_sha256(folder: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    if TARGET.exists() and tree_sha256(TARGET) == TREE_SHA256:
        return
    source = pathlib.Path(importlib.metadata.distribution(WHEEL).locate_file(WHEEL)) / "static" / "mathjax"
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TARGET.parent) as scratch:
        copy = pathlib.Path(scratch, "mathjax")
        for pattern in WANTED:
            for path in source.glob(pattern):
                place = copy / path.relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
        script = hashlib.sha256((copy / "tex-mml-chtml.js").read_bytes()).hexdigest()
        tree = tree_sha256(copy)
        if (script, tree) != (SCRIPT_SHA256, TREE_SHA256):
            raise SystemExit(
                f"vendor_assets: MathJax in {WHEEL} has sha256 {script} (files together: {tree}); wanted "
                f"{SCRIPT_SHA256} ({TREE_SHA256}); reinstall {WHEEL} at the version in requirements.txt"
            )
        shutil.rmtree(TARGET, ignore_errors=True)
        copy.rename(TARGET)


if __name__ == "__main__":
    main()
