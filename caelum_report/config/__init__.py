"""config -> collect -> store -> analyse -> render -> deliver: caelum.toml, environment, options and mcp.json files become one Config."""

from .editing import remove_rule, set_rule, toml_value
from .explaining import check, describe, explain, show
from .hosts import find_configurations
from .initial import initial_file, initial_toml, write_initial
from .loading import OWN_SERVER, consent, load, pending
from .settings import Options, carried, decided, find_file, system_zone
from .tapped import tapped_entries
from .units import seconds

__all__ = [
    "OWN_SERVER",
    "Options",
    "carried",
    "check",
    "consent",
    "decided",
    "describe",
    "explain",
    "find_configurations",
    "find_file",
    "initial_file",
    "initial_toml",
    "load",
    "pending",
    "remove_rule",
    "seconds",
    "set_rule",
    "show",
    "system_zone",
    "tapped_entries",
    "toml_value",
    "write_initial",
]
