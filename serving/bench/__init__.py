"""How fast lists are answered, beside the least and the usual that anybody would have to write."""
