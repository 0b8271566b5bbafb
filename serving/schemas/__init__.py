"""Wire shapes: bodies that refuse unknown fields, and answers as they are documented."""
