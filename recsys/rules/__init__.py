"""Rules over the whole catalogue at once: what a filter, a segment's shelf or a scenario leaves of it."""

from recsys.rules.masks import item_mask

__all__ = ["item_mask"]
