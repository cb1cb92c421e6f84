"""The whole market at once: one row a symbol, everything as columns (issue: the whole market on one screen).

`columns` is what the scanner measured, `tape` and `now` how, `judging` what rules and score make of it at a moment,
`watched` puts in its place what a watched symbol says itself, `ranks` and `flags` say what stands out, `table` is all of
it as pages, REST and alerts read it.
"""
