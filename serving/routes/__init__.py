"""The routes of the API, by subject. An endpoint reads its typed input, calls one service and writes the answer."""
