"""What pages draw with: cached reads, words and colours, the tile grid, cards and charts.

look    light, rule and metric → word, shape, tone, text
reads   what pages read from the radar, cached for seconds
parts   header, banner, gate and small pieces that several pages show
component  declares a component from its files
tiles   the watchlist grid, one component
sheet   hero and cards of the symbol page, one component
charts  series → the bytes that plot.js draws
"""
