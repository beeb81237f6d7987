"""config -> collect -> store -> analyse -> render -> deliver: caelum.toml, environment, options and mcp.json files become one Config."""

from .hosts import find_configurations
from .loading import consent, load, pending
from .settings import Options

__all__ = ["Options", "consent", "find_configurations", "load", "pending"]
