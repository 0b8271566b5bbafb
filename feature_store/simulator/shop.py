"""The simulated world before anything happens in it: catalogue, shoppers, and what is planted among them."""

from dataclasses import dataclass

from feature_store.simulator.catalogue import Catalogue, build_catalogue
from feature_store.simulator.config import Simulation
from feature_store.simulator.draws import Draws
from feature_store.simulator.plants import Plants, plant
from feature_store.simulator.population import Population, build_population

__all__ = ["Shop", "open_shop"]


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything the sessions draw from; read-only."""

    config: Simulation
    draws: Draws
    catalogue: Catalogue
    population: Population
    plants: Plants


def open_shop(config: Simulation) -> Shop:
    """Builds the world of a configuration; O(users + items) memory."""
    draws = Draws(config.seed)
    catalogue = build_catalogue(config, draws)
    return Shop(config, draws, catalogue, build_population(config, draws), plant(catalogue, draws))
