"""A store-and-forward relay for polling-station results from places with little or no connectivity."""

__version__ = "0.1.0"
