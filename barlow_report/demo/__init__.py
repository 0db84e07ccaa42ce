"""The built-in example: scenes drawn with planted failure modes, and two small models."""
