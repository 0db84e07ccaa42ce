"""From the tables of a run folder to a site."""
