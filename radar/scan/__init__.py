"""The whole market at once: one row a symbol, everything as columns (issue: the whole market on one screen).

`columns` is what the scanner measured, `tape` and `now` how, `judging` what rules and score make of it at a moment,
`ranks` and `flags` what stands out, `table` all of it as pages, REST and alerts read it.
"""
