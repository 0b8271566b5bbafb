"""What to simulate: how many shoppers, items and events, over which days, with which planted effects."""

from datetime import UTC, date, datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DAY_MS", "Simulation"]

DAY_MS = 86_400_000


class Simulation(BaseModel):
    """A simulated shop. The same values give the same files, byte for byte."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int = Field(ge=1)
    """Registered shoppers, cold ones and fake buyers included."""
    items: int = Field(ge=60)
    """Products; 60 is the least that fills the themes."""
    events: int = Field(ge=0)
    """How many events to aim at; the result is within a few per cent of it."""
    seed: int = 0
    """Everything random is a function of this."""
    start: date = date(2025, 4, 19)
    """First day, UTC."""
    days: int = Field(default=90, ge=14)
    """Length of the simulated time."""

    anonymous: float = Field(default=0.35, ge=0.0, le=1.0)
    """Share of sessions without a known shopper; whoever orders has logged in."""
    cold_users: float = Field(default=0.05, ge=0.0, le=1.0)
    """Share of shoppers with attributes and no event."""
    cold_items: float = Field(default=0.05, ge=0.0, le=0.5)
    """Share of items born in the last week (half of them seen since, half never)."""
    fake_buyers: float = Field(default=0.005, ge=0.0, le=0.5)
    """Share of shoppers paid to buy a few items over and over."""

    campaign_traffic: float = Field(default=3.0, ge=1.0)
    """Sessions on the campaign day, as a multiple of what that day would have had."""
    campaign_conversion: float = Field(default=1.6, ge=1.0)
    """Cart rate on the campaign day, as a multiple of the usual one."""
    campaign_discount: float = Field(default=0.25, gt=0.0, lt=1.0)
    """Price cut of the items in the campaign."""

    view_to_click: float = Field(default=0.30, ge=0.0, le=1.0)
    """Share of item views with a click on pictures, sizes or reviews."""
    view_to_cart: float = Field(default=0.12, ge=0.0, le=0.4)
    """Share of item views that reach the cart on an ordinary day."""
    cart_to_order: float = Field(default=0.55, ge=0.0, le=0.7)
    """Share of sessions with a filled cart that order."""
    order_to_purchase: float = Field(default=0.94, ge=0.0, le=1.0)
    """Share of orders that are paid."""
    purchase_to_return: float = Field(default=0.05, ge=0.0, le=1.0)
    """Share of bought lines that come back, 2 to 14 days later."""

    @property
    def start_ms(self) -> int:
        """First instant, ms since the epoch, UTC."""
        return int(datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC).timestamp()) * 1000

    @property
    def end_ms(self) -> int:
        """First instant after the simulated time; no event is as late as this."""
        return self.start_ms + self.days * DAY_MS

    @property
    def campaign_day(self) -> int:
        """Index of the campaign day: two thirds into the simulated time (18 June by default)."""
        return self.days * 2 // 3
