"""Ask every MCP server of a fleet how it is, and leave a report that any web server can host."""

__version__ = "0.1.0"
