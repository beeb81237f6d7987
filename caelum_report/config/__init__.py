"""config -> collect -> store -> analyse -> render -> deliver: caelum.toml, environment, options and mcp.json files become one Config."""

from .explaining import check, describe, explain, reference, show
from .hosts import find_configurations
from .initial import initial_file, initial_toml, write_initial
from .loading import OWN_SERVER, consent, load, pending
from .settings import Options, system_zone
from .tapped import tapped_entries

__all__ = [
    "OWN_SERVER",
    "Options",
    "check",
    "consent",
    "describe",
    "explain",
    "find_configurations",
    "initial_file",
    "initial_toml",
    "load",
    "pending",
    "reference",
    "show",
    "system_zone",
    "tapped_entries",
    "write_initial",
]
