"""alerts: what a run showed becomes alerts, and alerts become messages. Pure; the store keeps, deliver sends.

Standard library only: every `collect` comes through here.
"""

from __future__ import annotations

from .engine import Step, advance
from .notices import for_channel, notice
from .observe import Past, observe
from .readers import for_edition, our_words
from .replay import NOTHING, Replay, replay, replay_looks, told

__all__ = [
    "NOTHING",
    "Past",
    "Replay",
    "Step",
    "advance",
    "for_channel",
    "for_edition",
    "notice",
    "observe",
    "our_words",
    "replay",
    "replay_looks",
    "told",
]
