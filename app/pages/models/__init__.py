"""What the Models page is composed of."""
