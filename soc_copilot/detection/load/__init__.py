"""The load detector: a regular series watched for manipulation, by forecasts of its next hours."""
