"""Who follows what is computed? Hooks, and MLflow behind them."""
