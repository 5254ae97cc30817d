"""Building blocks of a Converse request and of its response: turns, names, data, caching, reasoning.

Nothing here knows a client's API. `conversed` is the seam between clients and carriers.
"""
