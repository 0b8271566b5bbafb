"""`recsys demo`: the product told as a story, from a purchase log to a list that follows a shopper's last click.

It uses what a shop uses: the product's own commands as processes, and its HTTP interface with a key.
"""
