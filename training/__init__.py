"""Offline jobs: data set, split, train, evaluate, compare, gate, register and publish."""
