"""newsmill: from news sources to a lake one can query."""

__version__ = "0.1.0"
