"""Calls that the gateway makes itself for a request: images by URL, and the requests of a batch.

Both keep one client per process and are imported at the first such request.
"""
