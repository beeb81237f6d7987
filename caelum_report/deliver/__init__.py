"""deliver: the last stage. A site goes where a web server finds it."""

from .publish import publish

__all__ = ["publish"]
