"""Where the program begins. The small programs inside it are chosen here, before anything heavy is imported."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:2] == ["mcp"]:
        from .mcp_server import main as serve

        sys.exit(serve(sys.argv[2:]))
    from .cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
