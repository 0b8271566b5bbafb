"""Public data sets in the product's columns: one small module each, all of one shape (`source.Source`)."""
