"""How a Converse request travels: as Converse itself, as Claude's body for InvokeModel, or to be counted.

A carrier knows nothing of the client that the request came from.
"""
