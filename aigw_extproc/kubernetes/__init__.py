"""The Kubernetes API as a source of resources: what a Gateway serves is read there, and its status is written there.

`kinds`, `store`, `scope` and `status` are pure. `client` speaks HTTP, `watching` lists and watches, `writing` writes
statuses under a Lease, and `follow` connects them. `published` is the file through which all processes of a pod get
what one of them has read.
"""
