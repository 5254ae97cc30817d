"""One package for each client API that is translated to a Converse request and back.

A client knows nothing of the carrier that sends the request.
"""
