"""alerts: what a run showed becomes alerts, and alerts become messages. Pure; the store keeps, deliver sends.

Standard library only: every `collect` comes through here.
"""

from __future__ import annotations

from .engine import Step, advance
from .notices import for_channel, notice
from .observe import Past, observe
from .replay import Replay, replay, told

__all__ = ["Past", "Replay", "Step", "advance", "for_channel", "notice", "observe", "replay", "told"]
