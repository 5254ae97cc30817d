"""One package for each client API that is translated into a Converse request, and back.

A client knows nothing of how the request travels: that is the carrier's.
"""
