"""Methods that look for failures of a model, behind one interface, and planted failures to try them on."""
