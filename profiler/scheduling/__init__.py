"""Who is served when. Pure: no model, no thread, the clock is passed in; engine, tests and simulations run this very code."""
