"""One page a question: models, plan, live, results."""
