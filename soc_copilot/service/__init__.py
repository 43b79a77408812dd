"""The local checking service: HTTP in, verdicts out, everything recorded through the pipeline."""
