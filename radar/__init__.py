"""Short-Risk Radar: when not to short a Binance USDT-M perpetual, and why.

nouns   models errors settings thresholds clock words
core    metrics measure rules light score assess explain history … pure: no clock, no I/O
edges   venues/ (exchanges) store/ (SQLite)
joins   collector historian live service runtime …
faces   api cli ui/, and pages/ and app.py beside this package
"""
