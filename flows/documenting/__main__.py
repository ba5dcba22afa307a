"""`python -m flows.documenting [--write]`: say which made pages are out of date, or write them."""

import sys
from pathlib import Path

from flows.documenting import pages
from sensegen import artifacts


def main() -> int:
    root = Path.cwd()
    stale = {name: text for name, text in pages(root).items() if _differs(root / name, text)}
    for name, text in stale.items():
        if "--write" in sys.argv[1:]:
            artifacts.write_text(root / name, text)
        print(f"{name} {'written' if '--write' in sys.argv[1:] else 'is out of date'}")
    return 0 if "--write" in sys.argv[1:] else len(stale)


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(main())
