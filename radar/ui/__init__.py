"""What pages draw with: cached reads, words and colours, the tile grid, cards and charts.

look    light, rule and metric → word, shape, tone, text; aloud: the light in a sentence
reads   what pages read from the radar, cached for seconds
parts   the pages, the timer, the right to write
header  the line at the top, and its switches; trouble: what stands in the way, and the way out
view    one visitor's view of the watchlist; memory keeps it in session, link and browser; profiles: whose it is
sidebar the left panel; rail: its list, one component
component  declares a component from its files
tiles   the watchlist grid, one component
sheet   hero and cards of the symbol page, one component
charts  a window → the bytes that plot.js draws
market  the whole market in words, and its ranked lists, one component; market_map: the map, another; market_table, market_filter: the table
watching  putting a symbol on the watchlist, from wherever somebody asks
replay  a past window, one component
"""
