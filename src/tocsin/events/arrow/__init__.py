"""Events in Arrow's arrays, as Parquet files hold them; needs pyarrow (the extra ``parquet``)."""
