"""The red light, measured: the rules replayed over the past, what followed each hour, and how often each warning was right (method 4)."""
