"""A simulated shop with known truth, for tests, benches and first steps: `simulate(Simulation(…), folder)`.

The same configuration gives the same files, byte for byte, whatever the block size.
"""

from feature_store.simulator.config import Simulation
from feature_store.simulator.run import Summary, simulate

__all__ = ["Simulation", "Summary", "simulate"]
