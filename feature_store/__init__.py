"""Events, items, users and what is derived from them: the log, the offline engine and the online store."""
