"""From a question to a list: the shopper read, the pipeline asked, the answer presented and noted."""
