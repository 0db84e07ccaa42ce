"""Reports that explain when an image classifier fails, and test every explanation on images it was not fitted on."""

__version__ = "0.1.0"
