"""The README and the pages of the manual: what they say is run."""
