"""Calls that the gateway makes itself on a request's behalf: images by URL, and the parts of a batch.

Both keep one client per process and are imported with the first such request.
"""
