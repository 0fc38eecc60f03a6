"""Which of Beam's runners carries the pipeline."""

from __future__ import annotations

import logging
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from flows.settings import Pipeline


def pipeline(settings: Pipeline) -> Any:
    """A Beam pipeline for the runner that the settings name.

    The default is `FnApiRunner` by object: `DirectRunner` by name would look for a Prism binary to download.
    """
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what it logs as an error, it raises too
    options = PipelineOptions(list(settings.options), save_main_session=False)
    if settings.runner != "FnApiRunner":
        return beam.Pipeline(runner=settings.runner, options=options)
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    return beam.Pipeline(runner=FnApiRunner(), options=options)
