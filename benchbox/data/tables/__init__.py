"""Reads tables of ratings and features, in delimited text or Parquet."""
