"""What the Plan page is composed of: a card for each part of the plan, and what stands beside them."""
