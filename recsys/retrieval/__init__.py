"""Where candidates come from: vector indexes here, one file per source beside them."""
