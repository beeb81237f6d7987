"""deliver: the last stage. A site goes where a web server finds it."""

from .publish import check, publish

__all__ = ["check", "publish"]
