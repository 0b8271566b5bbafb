"""`recsys bench quality`: public data sets, published protocols, our sources and stack beside peers."""
