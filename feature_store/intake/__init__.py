"""Files in: readers, column by column checks, rejects, and what is kept."""
