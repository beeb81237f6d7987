"""Where the program begins. The small programs inside it are chosen here, before anything heavy is imported."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:2] == ["mcp"]:
        from .agents import main as mcp

        sys.exit(mcp(sys.argv[2:]))
    if sys.argv[1:2] == ["tap"]:
        from .tap import main as tap

        sys.exit(tap(sys.argv[2:]))
    import gc

    # A run lives for seconds and keeps most of what it makes: the collector's usual walk after every 700 allocations took a
    # tenth of its CPU time, and rarer ones cost 3 MB.
    gc.set_threshold(100_000)
    from .cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
