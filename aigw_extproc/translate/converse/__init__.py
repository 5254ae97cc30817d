"""What every translation to Converse needs, whoever the client is: turns, names, data, caching.

Nothing here knows of a client's API, and no translation knows of another.
"""
