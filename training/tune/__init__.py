"""`recsys tune`: looks for a better configuration on the days before the test window, and never at that window."""
