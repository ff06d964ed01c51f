import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# tools and the book's extensions are scripts, not packages
for folder in ("tools", "book/_ext"):
    sys.path.insert(0, str(ROOT / folder))
