"""Feature views: one definition of a feature, from which come tables, training joins, explanations and docs."""
