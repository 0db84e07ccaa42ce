"""Images and models: the only package that imports torch."""
