"""What every figure means: pure functions from the raw rows of a run to figures. No files, no clock, no drawing."""
