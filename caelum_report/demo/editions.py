"""The demonstration for other readers: what its customers and its board would see of it."""

from __future__ import annotations

from typing import Final

from caelum_report.editions import Edition

ALIASES: Final = (
    ("api-gateway", "Gateway"),
    ("user-profile", "Accounts"),
    ("ollama-pool-integration", "Assistant"),
    ("workflow-orchestration", "Automations"),
    ("device-orchestration", "Devices"),
    ("cross-device-notification", "Notifications"),
    ("file-storage", "Files"),
    ("analytics-metrics", "Insights"),
    ("cluster-communication", "Messaging"),
    ("voice-interface", "Voice"),
    ("Platform", "Foundation"),
    ("Work", "For teams"),
    ("Intelligence", "For analysts"),
)


def editions(output: str) -> tuple[Edition, ...]:
    """Both kinds, in folders beside that of the site."""
    return (
        Edition("public", f"{output}-public", "Example services", ALIASES),
        Edition("executive", f"{output}-executive", "Example services", ALIASES, pdf=True),
    )
